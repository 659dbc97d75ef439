import type { SourceView } from "./plan.ts";

interface Unsupported {
  readonly language: string;
  /** At the top of the repository. */
  readonly pattern: RegExp;
}

/** Languages that are recognised so that the refusal can name them. */
const unsupported: readonly Unsupported[] = [
  { language: ".NET", pattern: /\.(csproj|fsproj|vbproj|sln|slnx)$/ },
  { language: "Elixir", pattern: /^mix\.exs$/ },
  { language: "Erlang", pattern: /^rebar\.config$/ },
  { language: "Scala", pattern: /^build\.sbt$/ },
  { language: "Clojure", pattern: /^(project\.clj|deps\.edn)$/ },
  { language: "Swift", pattern: /^Package\.swift$/ },
  { language: "Dart", pattern: /^pubspec\.yaml$/ },
  { language: "Haskell", pattern: /^(stack\.yaml|cabal\.project|.*\.cabal)$/ },
  { language: "Crystal", pattern: /^shard\.yml$/ },
  { language: "Julia", pattern: /^Project\.toml$/ },
  { language: "Zig", pattern: /^build\.zig$/ },
  { language: "Nim", pattern: /\.nimble$/ },
  { language: "OCaml", pattern: /^dune-project$/ },
  { language: "R", pattern: /^(DESCRIPTION|renv\.lock)$/ },
];

export interface FoundLanguage {
  readonly language: string;
  readonly file: string;
}

/** A language of the repository for which there is no buildpack. */
export function unsupportedLanguage(source: SourceView): FoundLanguage | undefined {
  const names = source.list("");
  for (const { language, pattern } of unsupported) {
    const file = names.find((name) => pattern.test(name));
    if (file !== undefined) return { language, file };
  }
  return undefined;
}
