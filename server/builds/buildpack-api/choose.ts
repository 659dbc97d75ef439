import { type BuildpackReference, buildpacksLines, parseReference, type ReferenceProblem } from "./reference.ts";

/** Everything that can name the buildpacks of an app. */
export interface BuildpackSources {
  /** Set with `paas buildpacks:…`. */
  readonly setting: readonly string[];
  /** The config var BUILDPACK_URL. */
  readonly configVar: string | undefined;
  /** The file `.buildpacks`. */
  readonly file: string | undefined;
  /** `buildpacks` of app.json. */
  readonly appJson: readonly string[];
  /** A Dockerfile is at the top. */
  readonly hasDockerfile: boolean;
}

export type BuildpackChoice =
  /** Nobody names any: it is detected. `notes` for the pusher. */
  | { readonly kind: "detect"; readonly notes: readonly string[] }
  | { readonly kind: "dockerfile"; readonly from: string }
  | { readonly kind: "list"; readonly from: string; readonly references: readonly BuildpackReference[] }
  | ({ readonly kind: "invalid" } & ReferenceProblem);

interface Named {
  readonly text: string;
  /** Put before a complaint: `.buildpacks line 3: `. */
  readonly place: string;
}

/**
 * Who names the buildpacks: the app's own list, else BUILDPACK_URL, else `.buildpacks`; these go before a Dockerfile.
 * app.json, which in many repositories is there for another platform's sake, comes after it.
 */
export function chooseBuildpacks(sources: BuildpackSources, builtins: readonly string[]): BuildpackChoice {
  const lines = sources.file === undefined ? [] : buildpacksLines(sources.file);
  const url = sources.configVar?.trim() ?? "";
  const candidates: readonly (readonly [string, readonly Named[]])[] = [
    ["paas buildpacks", sources.setting.map((text) => ({ text, place: "paas buildpacks: " }))],
    ["the config var BUILDPACK_URL", url === "" ? [] : [{ text: url, place: "BUILDPACK_URL: " }]],
    [".buildpacks", lines.map(({ line, text }) => ({ text, place: `.buildpacks line ${line}: ` }))],
    ["app.json", sources.appJson.map((text, i) => ({ text, place: `app.json: buildpacks[${i}]: ` }))],
  ];
  const found = candidates.find(([, named]) => named.length > 0);
  if (found === undefined) return { kind: "detect", notes: [] };
  const [from, named] = found;
  if (from === "app.json" && sources.hasDockerfile) {
    const note = "app.json names buildpacks, but the Dockerfile goes first (to use them: paas buildpacks:set).";
    return { kind: "detect", notes: [note] };
  }
  if (named.length === 1 && named[0]?.text === "dockerfile") return { kind: "dockerfile", from };
  return parseAll(from, named, builtins);
}

function parseAll(from: string, named: readonly Named[], builtins: readonly string[]): BuildpackChoice {
  const references: BuildpackReference[] = [];
  for (const { text, place } of named) {
    const parsed = parseReference(text, builtins);
    if (!parsed.ok) return { kind: "invalid", reason: `${place}${parsed.reason}`, hint: parsed.hint };
    const twice = references.some((r) => r.text === parsed.reference.text);
    if (twice) {
      return { kind: "invalid", reason: `${place}"${text}" is named twice.`, hint: "Remove one of the two." };
    }
    references.push(parsed.reference);
  }
  return { kind: "list", from, references };
}
