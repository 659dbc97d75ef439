import { z } from "zod";

/** What one build may take of the machine. */
export interface BuildLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Processes and threads. */
  readonly pids: number;
  /** Written by one build: its containers' own files and what its cache grows by. */
  readonly diskBytes: number;
  readonly timeoutMs: number;
}

export interface Machine {
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Of the file system that the engine keeps images on; undefined when that cannot be told. */
  readonly diskBytes: number | undefined;
}

const mib = 1024 ** 2;
const gib = 1024 ** 3;

/**
 * Half of the memory, between 512 MiB and 4 GiB; all CPUs, at a weight that yields to running apps; a tenth of the
 * disk, between 2 and 20 GiB. A machine with one CPU gets twice the time.
 */
export function buildLimits(machine: Machine): BuildLimits {
  const memoryBytes = between(gib / 2, Math.floor(machine.memoryBytes / 2), 4 * gib);
  return {
    memoryBytes,
    cpus: machine.cpus,
    // A process that does nothing takes about half a MiB: more than that would be ended for memory first.
    pids: between(512, Math.floor(memoryBytes / mib), 4096),
    diskBytes: between(2 * gib, Math.floor((machine.diskBytes ?? 100 * gib) / 10), 20 * gib),
    timeoutMs: (machine.cpus > 1 ? 15 : 30) * 60_000,
  };
}

function between(least: number, value: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** Key of the settings that an app may have of its own. */
export const limitsKey = "build.limits";

/** What an app was given instead of the defaults, as it is stored. */
export const ownLimits = z.strictObject({
  memoryBytes: z.int().positive().optional(),
  cpus: z.number().positive().optional(),
  pids: z.int().positive().optional(),
  diskBytes: z.int().positive().optional(),
  timeoutMs: z.int().positive().optional(),
});

export type OwnLimits = z.output<typeof ownLimits>;

/** An app's limits: its own where it has some. No more CPUs than there are. */
export function limitsOf(
  defaults: BuildLimits,
  own: OwnLimits | undefined,
  machine: Pick<Machine, "cpus">,
): BuildLimits {
  const given = Object.fromEntries(Object.entries(own ?? {}).filter(([, value]) => value !== undefined));
  const limits: BuildLimits = { ...defaults, ...given };
  return { ...limits, cpus: Math.min(limits.cpus, machine.cpus) };
}

export function inMb(bytes: number): number {
  return Math.round(bytes / mib);
}
