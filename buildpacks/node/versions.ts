import semver from "semver";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, type Refusal, refuse } from "../reading.ts";
import { engineOf, type PackageJson } from "./package-json.ts";

export interface Resolved {
  readonly version: string;
  readonly notes: readonly string[];
}

interface Wish {
  /** Where it is written: `engines.node in package.json`. */
  readonly place: string;
  readonly text: string;
}

// The names that `lts/NAME` in .nvmrc may carry, from https://nodejs.org/en/about/previous-releases
const ltsNames: Readonly<Record<string, number>> = {
  fermium: 14,
  gallium: 16,
  hydrogen: 18,
  iron: 20,
  jod: 22,
  krypton: 24,
};
const linesShown = 5;

/** The Node version to use: engines.node, else .nvmrc, else .node-version, else the newest even major. */
export function resolveNode(source: SourceView, pkg: PackageJson, available: readonly string[]): Resolved | Refusal {
  const wishes = readWishes(source, pkg);
  const [wish, ...others] = wishes;
  if (wish === undefined) {
    const version = newest(available, "*");
    if (version === undefined)
      return refuse("No Node version can be had.", "Check that the npm registry can be reached.");
    const pin = `"engines": { "node": "${semver.major(version)}.x" }`;
    return { version, notes: [`No Node version is asked for: using ${version}. Pin one in package.json: ${pin}`] };
  }
  const range = rangeOf(wish.text, available);
  if (range === undefined) {
    return refuse(
      `${wish.place} is "${wish.text}", which is not a Node version.`,
      `Write one like 24.x there. ${choices(available)}`,
    );
  }
  const version = newest(available, range);
  if (version === undefined) {
    return refuse(
      `${wish.place} asks for Node ${wish.text}, which cannot be had.`,
      `${choices(available)} Change it, commit and push again.`,
    );
  }
  const overruled = others.filter((o) => !semver.satisfies(version, rangeOf(o.text, available) ?? "*"));
  return {
    version,
    notes: overruled.map((o) => `${o.place} says ${o.text}; ${wish.place} comes first: using ${version}.`),
  };
}

function readWishes(source: SourceView, pkg: PackageJson): readonly Wish[] {
  const found = [
    { place: "engines.node in package.json", text: engineOf(pkg, "node") },
    { place: "volta.node in package.json", text: asText(asRecord(pkg.raw["volta"])["node"]) },
    { place: ".nvmrc", text: firstLine(source.read(".nvmrc")) },
    { place: ".node-version", text: firstLine(source.read(".node-version")) },
  ];
  return found.flatMap(({ place, text }) =>
    text === undefined || text === "" || text === "*" ? [] : [{ place, text }],
  );
}

function firstLine(text: string | undefined): string | undefined {
  return text
    ?.replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.replace(/#.*/, "").trim())
    .find((line) => line !== "");
}

/** semver's grammar and nvm's words: `lts/*`, `lts/jod`, `node`, `v22`. */
function rangeOf(text: string, available: readonly string[]): string | undefined {
  const word = text.toLowerCase();
  if (word === "node" || word === "latest" || word === "current") return available[0];
  if (word === "lts" || word === "lts/*") return "*";
  const name = /^lts\/(\w+)$/.exec(word)?.[1];
  if (name !== undefined) return ltsNames[name] === undefined ? undefined : `${ltsNames[name]}.x`;
  return semver.validRange(text) ?? undefined;
}

/** A wide range takes an even major, which gets long support; an odd one only when nothing else fits. */
function newest(available: readonly string[], range: string): string | undefined {
  const fitting = semver.rsort(available.filter((v) => semver.satisfies(v, range)));
  return fitting.find((v) => semver.major(v) % 2 === 0) ?? fitting[0];
}

function choices(available: readonly string[]): string {
  const byMajor = new Map<number, string>();
  for (const v of semver.rsort([...available])) if (!byMajor.has(semver.major(v))) byMajor.set(semver.major(v), v);
  const even = [...byMajor].filter(([major]) => major % 2 === 0).slice(0, linesShown);
  return `The newest of each line: ${even.map(([, v]) => v).join(", ")}.`;
}
