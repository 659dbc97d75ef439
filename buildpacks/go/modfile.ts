/** What a go.mod says, as far as a build has to know. Grammar: https://go.dev/ref/mod#go-mod-file-grammar */
export interface ModFile {
  readonly module: string | undefined;
  /** `1.24.1`, of the `go` line. */
  readonly go: string | undefined;
  /** `1.25.3`, of the `toolchain` line. */
  readonly toolchain: string | undefined;
  readonly hasRequirements: boolean;
  /** Folders that a `replace` points to: `../shared`, `./lib`. */
  readonly localReplacements: readonly string[];
  /** Packages of Heroku's comment `// +heroku install ./cmd/...`. */
  readonly installs: readonly string[];
  /** `1.25.3`, of Heroku's comment `// +heroku goVersion go1.25.3`. */
  readonly wanted: string | undefined;
}

/** What a go.work says. Grammar: https://go.dev/ref/mod#go-work-file */
export interface WorkFile {
  readonly go: string | undefined;
  readonly toolchain: string | undefined;
  /** Folders of its modules; the empty string is the top. */
  readonly uses: readonly string[];
}

export function parseWorkFile(text: string): WorkFile {
  const { go, toolchain } = parseModFile(text);
  const plain = text.replace(/^\uFEFF/, "").replace(/\/\/.*$/gm, "");
  const blocks = [...plain.matchAll(/^\s*use\s*\(([^)]*)\)/gm)].flatMap(([, block]) => (block ?? "").split(/\s+/));
  const lines = [...plain.matchAll(/^\s*use\s+([^\s(]+)/gm)].map(([, folder]) => folder ?? "");
  const folders = [...blocks, ...lines].map((f) => f.replace(/^"|"$/g, "")).filter((f) => f !== "");
  return { go, toolchain, uses: folders.map((f) => f.replace(/^\.(?:\/|$)/, "").replace(/\/$/, "")) };
}

export function parseModFile(text: string): ModFile {
  const plain = text.replace(/^\uFEFF/, "").replace(/\/\/.*$/gm, "");
  const word = (pattern: RegExp): string | undefined => pattern.exec(plain)?.[1]?.replace(/^"|"$/g, "");
  return {
    module: word(/^\s*module\s+(\S+)/m),
    go: word(/^\s*go\s+(\S+)/m),
    toolchain: word(/^\s*toolchain\s+go(\S+)/m),
    hasRequirements: /^\s*require\s*(\(\s*[^\s)]|[^\s(])/m.test(plain),
    localReplacements: [...plain.matchAll(/=>\s*(\.{1,2}\/\S*|\.{1,2})\s*$/gm)].map(([, folder]) => folder ?? ""),
    wanted: /^\/\/ \+heroku goVersion (?:go)?(\S+)/m.exec(text)?.[1],
    installs: /^\/\/ \+heroku install (.+)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? [],
  };
}

/** The name that `go build` gives the program of a package: the last part of its path but a major version. */
export function programName(modulePath: string): string {
  const parts = modulePath.split("/");
  const isMajor = parts.length > 1 && /^v[0-9]+$/.test(parts.at(-1) ?? "");
  return parts.at(isMajor ? -2 : -1) ?? modulePath;
}
