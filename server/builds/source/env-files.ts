const examples = new Set(["example", "sample", "template"]);
const shownNames = 8;

/** Settings of somebody's machine, with secrets in them more often than not: `.env`, `.env.local`, `.env.production`. */
export function isEnvFile(name: string): boolean {
  if (name === ".env") return true;
  const suffix = /^\.env\.(.+)$/.exec(name)?.[1];
  return suffix !== undefined && !examples.has(suffix.split(".").at(-1) ?? "");
}

/** Names that an env file sets, in order. */
export function namesIn(text: string): readonly string[] {
  const names = text
    .split(/\r?\n/)
    .flatMap((line) => /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/.exec(line)?.[1] ?? []);
  return [...new Set(names)];
}

/** What to type for them: `paas config:set A=… B=… -a shop`. */
export function setCommand(names: readonly string[], app: string): string {
  const shown = names.slice(0, shownNames).map((name) => `${name}=…`);
  const more = names.length > shownNames ? " …" : "";
  return `paas config:set ${shown.length === 0 ? "NAME=…" : shown.join(" ")}${more} -a ${app}`;
}
