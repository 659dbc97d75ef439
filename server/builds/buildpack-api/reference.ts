/** Where a buildpack comes from, as somebody wrote it. */
export type BuildpackReference =
  /** One of ours: `node`, `heroku/nodejs`, `nodejs_buildpack`. `name` is ours. */
  | { readonly kind: "builtin"; readonly text: string; readonly name: string }
  /** A folder of the repository, from its top. */
  | { readonly kind: "folder"; readonly text: string; readonly path: string }
  /** An archive in the repository. */
  | { readonly kind: "packed"; readonly text: string; readonly path: string }
  /** A git repository; without `ref` its default branch. */
  | { readonly kind: "git"; readonly text: string; readonly url: string; readonly ref: string | undefined }
  /** An archive to be downloaded. */
  | { readonly kind: "archive"; readonly text: string; readonly url: string };

/** Why a text names no buildpack, and what to write instead. */
export interface ReferenceProblem {
  readonly reason: string;
  readonly hint: string;
}

export type ParsedReference =
  | { readonly ok: true; readonly reference: BuildpackReference }
  | ({ readonly ok: false } & ReferenceProblem);

/** What Heroku, Cloud Foundry and Dokku call the buildpacks that we have of our own. */
const aliases: Readonly<Record<string, string>> = {
  nodejs: "node",
  staticfile: "static",
  binary: "procfile",
  null: "procfile",
  jvm: "java",
  gradle: "java",
  maven: "java",
  "dotnet-core": "dotnet",
  aptfile: "apt",
};

const archivePattern = /\.(tgz|tar\.gz|tar\.xz|tar|zip)$/i;
const gitSchemes = new Set(["https:", "http:", "ssh:", "git:"]);
const maxLength = 1000;

/**
 * Reads `node`, `heroku/nodejs`, `./buildpacks/x`, `./x.tgz`, `https://…/x.git#ref`, `git@host:x#ref`, `https://…/x.tgz`.
 * @param builtins names of our own buildpacks
 */
export function parseReference(raw: string, builtins: readonly string[]): ParsedReference {
  const text = raw.trim();
  if (text === "" || text.length > maxLength || /[\s\u0000-\u001f\u007f]/.test(text)) {
    return problem(
      `"${shown(text)}" is not the address of a buildpack.`,
      "Write a name (heroku/nodejs), a folder (./buildpack) or a URL (https://host/buildpack.git#ref), without spaces.",
    );
  }
  if (text.startsWith("./") || text.startsWith("/") || text.startsWith("../")) return inRepository(text);
  if (text.includes("://") || /^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^/]/.test(text)) return remote(text);
  return named(text, builtins);
}

/** Our own name of a built-in buildpack, whatever system's name it is; undefined when we know none such. */
export function builtinName(text: string): string | undefined {
  const [, name] = /^(?:(?:heroku|heroku-community|paas)\/)?([a-z0-9-]+?)(?:_buildpack)?$/.exec(text) ?? [];
  return name === undefined ? undefined : (aliases[name] ?? name);
}

function named(text: string, builtins: readonly string[]): ParsedReference {
  const name = builtinName(text);
  if (name !== undefined && builtins.includes(name)) return { ok: true, reference: { kind: "builtin", text, name } };
  if (/^[a-z0-9-]+\/[a-z0-9-]+$/.test(text)) {
    return problem(
      `There is no built-in buildpack "${text}", and names of Heroku's registry can only be resolved by Heroku.`,
      "Write the address of its git repository instead: https://host/owner/repository.git",
    );
  }
  return problem(
    `There is no built-in buildpack "${shown(text)}".`,
    `Built in are: ${builtins.join(", ")}. A folder of the repository starts with "./", a git repository with "https://".`,
  );
}

function inRepository(text: string): ParsedReference {
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  if (text.startsWith("/") || parts.includes("..")) {
    return problem(`"${text}" leads out of the repository.`, "Write it from the top of the repository: ./buildpacks/x");
  }
  const path = parts.join("/");
  const kind = archivePattern.test(path) ? "packed" : "folder";
  return { ok: true, reference: { kind, text, path } };
}

function remote(text: string): ParsedReference {
  const hash = text.indexOf("#");
  const url = hash === -1 ? text : text.slice(0, hash);
  const ref = hash === -1 ? undefined : text.slice(hash + 1);
  if (url.includes("://")) {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || !gitSchemes.has(parsed.protocol) || !/^[A-Za-z0-9[]/.test(parsed.hostname)) {
      return problem(
        `"${shown(text)}" is not an address that buildpacks can be fetched from.`,
        "Write https://host/repository.git#ref, ssh://, git:// or user@host:repository.git",
      );
    }
    const isWeb = parsed.protocol === "https:" || parsed.protocol === "http:";
    if (isWeb && archivePattern.test(parsed.pathname))
      return { ok: true, reference: { kind: "archive", text, url: text } };
  }
  if (ref !== undefined && !isRef(ref)) {
    return problem(
      `"${shown(ref)}" is not a branch, a tag or a commit.`,
      "Write one after the #: https://host/x.git#v1",
    );
  }
  return { ok: true, reference: { kind: "git", text, url, ref } };
}

/** What git could take for an option, or can never be the name of a ref, is none. https://git-scm.com/docs/git-check-ref-format */
function isRef(ref: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_./+@-]{0,199}$/.test(ref) && !/\.\.|@\{|\/\/|\.lock$|[./]$/.test(ref);
}

/** A text without what may be a password in it, short enough for a line. */
export function shown(text: string): string {
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, "?").replace(/^([a-z]+:\/\/)[^/@]*@/i, "$1");
  return clean.length > 120 ? `${clean.slice(0, 120)}…` : clean;
}

function problem(reason: string, hint: string): ParsedReference {
  return { ok: false, reason, hint };
}

/** One line of a `.buildpacks` file. */
export interface BuildpacksLine {
  readonly line: number;
  readonly text: string;
}

/** The lines of a `.buildpacks` file that name a buildpack: one each; `#` starts a comment line. */
export function buildpacksLines(file: string): readonly BuildpacksLine[] {
  return file
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .map((text, index) => ({ line: index + 1, text: text.trim() }))
    .filter(({ text }) => text !== "" && !text.startsWith("#"));
}
