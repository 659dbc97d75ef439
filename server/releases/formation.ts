import { web } from "../core/ids.ts";
import type { ProcessType } from "../core/ids.ts";
import type { Checks, FormationEntry, ProcessCommand } from "../core/types.ts";

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
