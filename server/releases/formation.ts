import { web } from "../core/ids.ts";
import type { ProcessType } from "../core/ids.ts";
import type { Checks, DropletContent, FormationEntry, Manifest, ProcessCommand } from "../core/types.ts";

export const releaseType = "release" as ProcessType;

export const defaultMemoryMb = 512;
export const defaultCpus = 1;

/** A process with a port proves itself by answering; one without can only stay up, so it is watched for longer. */
export function defaultChecks(type: ProcessType): Checks {
  return { path: undefined, bootTimeoutMs: 60_000, settleMs: type === web ? 500 : 3000 };
}

/** Types that run as instances: all of the Procfile but `release`. */
export function scalableTypes(processes: readonly ProcessCommand[]): readonly ProcessType[] {
  return processes.map((process) => process.type).filter((type) => type !== releaseType);
}

/** The entry of each type, known ones kept: a new `web` starts with 1, any other with 0. */
export function formationFor(
  types: readonly ProcessType[],
  known: readonly FormationEntry[],
): readonly FormationEntry[] {
  return types.map(
    (type) =>
      known.find((entry) => entry.type === type) ?? {
        type,
        count: type === web ? 1 : 0,
        memoryMb: defaultMemoryMb,
        cpus: defaultCpus,
      },
  );
}

/** `web=2 worker=1`, types without instances left out. */
export function describeFormation(entries: readonly FormationEntry[]): string {
  const running = entries.filter((entry) => entry.count > 0);
  return running.length === 0 ? "no instances" : running.map((entry) => `${entry.type}=${entry.count}`).join(" ");
}

/** What of a type's size a person has decided, by `ps:scale` and `limits:set`. */
export type Decided = Readonly<Record<string, readonly ("count" | "memory")[]>>;

export interface ManifestFormation {
  /** Entries that it changes. */
  readonly changed: readonly FormationEntry[];
  /** Said to the pusher: what app.json decides, and where a person has decided otherwise. */
  readonly notes: readonly string[];
}

/** app.json decides count and memory of a type until a person has; from then on it is only said where they differ. */
export function withManifest(
  entries: readonly FormationEntry[],
  manifest: Manifest["formation"],
  decided: Decided,
): ManifestFormation {
  const notes = Object.keys(manifest).flatMap((type) =>
    entries.some((entry) => entry.type === type) ? [] : [`app.json: there is no process type "${type}" to scale`],
  );
  const changed = entries.flatMap((entry) => {
    const wanted = manifest[entry.type];
    if (wanted === undefined) return [];
    const own = decided[entry.type] ?? [];
    const count = own.includes("count") ? entry.count : (wanted.quantity ?? entry.count);
    const memoryMb = own.includes("memory") ? entry.memoryMb : (wanted.memoryMb ?? entry.memoryMb);
    if (count !== (wanted.quantity ?? count))
      notes.push(`${entry.type} stays at ${count}, as set by ps:scale; app.json says ${wanted.quantity}`);
    if (memoryMb !== (wanted.memoryMb ?? memoryMb))
      notes.push(`${entry.type} stays at ${memoryMb} MB, as set by limits:set; app.json says ${wanted.memoryMb} MB`);
    if (count === entry.count && memoryMb === entry.memoryMb) return [];
    notes.push(`app.json: ${entry.type}=${count}${memoryMb === entry.memoryMb ? "" : ` with ${memoryMb} MB each`}`);
    return [{ ...entry, count, memoryMb }];
  });
  return { changed, notes };
}

/** Fields of a type's checks that a person has set. */
export type DecidedChecks = Readonly<Record<string, readonly string[]>>;

/** Defaults, those of the droplet's runtime first, then what app.json says, then what a person has set. */
export function checksOf(
  type: ProcessType,
  droplet: Pick<DropletContent, "manifest" | "bootTimeoutMs">,
  known: Checks | undefined,
  decided: readonly string[],
): Checks {
  const own = Object.entries(known ?? {}).filter(([key]) => decided.includes(key));
  const asked = droplet.manifest?.checks[type] ?? {};
  const usual = defaultChecks(type);
  const { bootTimeoutMs = usual.bootTimeoutMs } = droplet;
  const merged: Checks = { ...usual, bootTimeoutMs, ...asked, ...Object.fromEntries(own) };
  return decided.includes("path") ? withoutPaths(merged) : merged;
}

/** A path that a person chose takes the place of those of app.json. */
export function withoutPaths(checks: Checks): Checks {
  if (checks.startup === undefined) return checks;
  return { ...checks, startup: checks.startup.filter((check) => check.probe.kind !== "path") };
}
