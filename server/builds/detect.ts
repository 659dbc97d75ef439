import type { Buildpack, SourceView } from "./plan.ts";
import { sourceBelow } from "./source-view.ts";
import { unsupportedLanguage } from "./unsupported.ts";

export interface DecideOptions {
  /** In order of precedence; `procfile` last. */
  readonly buildpacks: readonly Buildpack[];
  /** What the user chose: `dockerfile` or the name of a buildpack. */
  readonly builder?: string | undefined;
}

export type Decision =
  | { readonly kind: "dockerfile"; readonly path: string; readonly notes: readonly string[] }
  | { readonly kind: "buildpack"; readonly buildpack: Buildpack; readonly notes: readonly string[] }
  | {
      readonly kind: "nothing";
      readonly reason: string;
      readonly hint: string;
      /** Lines for the pusher: what is supported and which files were seen. */
      readonly details: readonly string[];
    };

const dockerfile = "Dockerfile";
// They match next to a language in many repositories, where they say nothing about a second one.
const companions = ["static", "procfile"];
const shownNames = 20;

/** Who builds this source: the explicit setting, else a `Dockerfile`, else the first buildpack that matches. */
export function decide(source: SourceView, options: DecideOptions): Decision {
  if (options.builder !== undefined) return chosen(source, options.builder, options.buildpacks);
  if (source.list("").includes(dockerfile)) return { kind: "dockerfile", path: dockerfile, notes: [] };
  const matching = options.buildpacks.filter((b) => b.detect(source));
  const [first] = matching;
  if (first === undefined) return nothing(source, options.buildpacks);
  return { kind: "buildpack", buildpack: first, notes: otherLanguages(source, first, matching) };
}

function chosen(source: SourceView, builder: string, buildpacks: readonly Buildpack[]): Decision {
  if (builder === "dockerfile") {
    if (source.list("").includes(dockerfile)) return { kind: "dockerfile", path: dockerfile, notes: [] };
    return {
      kind: "nothing",
      reason: "The builder is set to dockerfile, but there is no Dockerfile at the top of the repository.",
      hint: "Commit a Dockerfile, or choose another builder.",
      details: [seenLine(source)],
    };
  }
  const buildpack = buildpacks.find((b) => b.name === builder);
  if (buildpack !== undefined) return { kind: "buildpack", buildpack, notes: [] };
  return {
    kind: "nothing",
    reason: `There is no builder called "${builder}".`,
    hint: `Choose one of: dockerfile, ${namesOf(buildpacks).join(", ")}.`,
    details: [],
  };
}

function otherLanguages(source: SourceView, first: Buildpack, matching: readonly Buildpack[]): readonly string[] {
  const others = matching.filter((b) => b.name !== first.name && !companions.includes(b.name));
  return others.map((b) => {
    const how = `paas buildpacks:set ${b.name}; both: paas buildpacks:set ${first.name}, then buildpacks:add ${b.name}`;
    return `Built as ${first.name}; ${b.name} was found too (${foundFiles(source, b).join(", ")}). To have it: ${how}`;
  });
}

function nothing(source: SourceView, buildpacks: readonly Buildpack[]): Decision {
  const seen = source.list("");
  const supported = namesOf(buildpacks).map((name) => {
    const files = buildpacks.filter((b) => b.name === name).flatMap((b) => b.looksFor);
    return `  ${name.padEnd(10)} ${files.join(", ")}`;
  });
  return {
    kind: "nothing",
    reason: reasonFor(source, seen),
    hint: hintFor(source, seen, buildpacks),
    details: [
      "Supported, by the files at the top of the repository:",
      `  ${"dockerfile".padEnd(10)} ${dockerfile}`,
      ...supported,
      seenLine(source),
    ],
  };
}

function reasonFor(source: SourceView, seen: readonly string[]): string {
  if (seen.length === 0) return "The repository is empty.";
  const found = unsupportedLanguage(source);
  if (found === undefined) return "No buildpack matches this repository.";
  return `This is a ${found.language} repository (${found.file}), and there is no buildpack for ${found.language}.`;
}

function hintFor(source: SourceView, seen: readonly string[], buildpacks: readonly Buildpack[]): string {
  if (seen.length === 0) return "Commit the app's files, then push again.";
  if (unsupportedLanguage(source) !== undefined) {
    return "Commit a Dockerfile that builds it, or what it was built into with a Procfile that says how to start that.";
  }
  const wanted = [dockerfile, ...buildpacks.flatMap((b) => b.looksFor)];
  for (const name of seen) {
    const meant = wanted.find((w) => w !== name && loose(w) === loose(name));
    if (meant !== undefined) return `"${name}" looks like a misspelt "${meant}": rename it, commit and push again.`;
  }
  const folders = seen.flatMap((name) => matchBelow(source, name, buildpacks));
  const [only, ...more] = folders;
  if (only === undefined) return "Add one of the files above, or a Procfile that says how to start the app.";
  if (more.length > 0)
    return `Apps were found in folders: ${folders.map((f) => f.text).join("; ")}. Push one of them: ${only.command}`;
  return `The app seems to be in a folder: ${only.text}. Push that folder alone: ${only.command}`;
}

function matchBelow(source: SourceView, name: string, buildpacks: readonly Buildpack[]) {
  if (!name.endsWith("/") || name.startsWith(".") || name === "node_modules/") return [];
  const below = sourceBelow(source, name);
  const isDocker = below.list("").includes(dockerfile);
  const buildpack = buildpacks.find((b) => b.detect(below));
  if (!isDocker && buildpack === undefined) return [];
  const what =
    isDocker || buildpack === undefined ? dockerfile : `${buildpack.name}, ${foundFiles(below, buildpack)[0]}`;
  const folder = name.slice(0, -1);
  return [{ text: `${name} (${what})`, command: `git subtree push --prefix ${folder} paas main` }];
}

/** `Procfile.txt`, `procfile` and `Procfile` are one name to people. */
function loose(name: string): string {
  return name.toLowerCase().replace(/\.txt$/, "");
}

function foundFiles(source: SourceView, buildpack: Buildpack): readonly string[] {
  return buildpack.looksFor.filter((file) => source.has(file));
}

function namesOf(buildpacks: readonly Buildpack[]): readonly string[] {
  return [...new Set(buildpacks.map((b) => b.name))];
}

function seenLine(source: SourceView): string {
  const seen = source.list("");
  if (seen.length === 0) return "Seen: nothing";
  const more = seen.length > shownNames ? ` and ${seen.length - shownNames} more` : "";
  return `Seen: ${seen.slice(0, shownNames).join(", ")}${more}`;
}
