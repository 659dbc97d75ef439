/** What one build may take of the machine. */
export interface BuildLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  /** Processes and threads. */
  readonly pids: number;
  readonly timeoutMs: number;
}

export interface Machine {
  readonly memoryBytes: number;
  readonly cpus: number;
}

const gib = 1024 ** 3;
const minMemoryBytes = gib / 2;
const maxMemoryBytes = 4 * gib;

/** Half of the memory, between 512 MiB and 4 GiB; all CPUs, at a weight that yields to running apps. */
export function buildLimits(machine: Machine): BuildLimits {
  const half = Math.floor(machine.memoryBytes / 2);
  return {
    memoryBytes: Math.min(maxMemoryBytes, Math.max(minMemoryBytes, half)),
    cpus: machine.cpus,
    pids: 4096,
    timeoutMs: 15 * 60_000,
  };
}

export function inMb(bytes: number): number {
  return Math.round(bytes / 1024 ** 2);
}
