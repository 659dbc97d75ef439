import { formatBytes, sizeFlag } from "../core/size.ts";
import { formatDuration } from "../core/time.ts";
import { BuildFailed } from "./failure.ts";
import { type BuildLimits, inMb } from "./limits.ts";

const diskHint = 'Make room: "paas disk" shows what takes it, "paas disk:clean" removes what is not needed.';

/** What a build did when it met a limit: named to people, with the verb that changes the limit. */
export class Breaches {
  readonly #limits: BuildLimits;
  readonly #app: string;

  constructor(limits: BuildLimits, app: string) {
    this.#limits = limits;
    this.#app = app;
  }

  memory(step: string): BuildFailed {
    const { memoryBytes } = this.#limits;
    return new BuildFailed(
      `${step} ran out of memory (builds may use ${inMb(memoryBytes)} MB).`,
      `Use less (fewer parallel jobs, a smaller heap), or allow more: ${this.#verb(`--memory ${sizeFlag(2 * memoryBytes)}`)}`,
    );
  }

  processes(step: string): BuildFailed {
    const { pids } = this.#limits;
    return new BuildFailed(
      `${step} hit the limit of ${pids} processes and threads.`,
      `Look for what starts so many, or allow more: ${this.#verb(`--pids ${2 * pids}`)}`,
    );
  }

  disk(step: string): BuildFailed {
    const { diskBytes } = this.#limits;
    return new BuildFailed(
      `The build wrote more than ${formatBytes(diskBytes)} and was ended in: ${step}.`,
      `Look for what writes so much, or allow more: ${this.#verb(`--disk ${sizeFlag(2 * diskBytes)}`)}`,
    );
  }

  time(step: string): BuildFailed {
    const { timeoutMs } = this.#limits;
    return new BuildFailed(
      `The build took longer than ${formatDuration(timeoutMs)} and was ended in: ${step}.`,
      `Look whether it waits for input or starts a server, or allow more: ${this.#verb(`--timeout ${seconds(2 * timeoutMs)}`)}`,
    );
  }

  /** The machine's own limit: the disk would be full for everybody. */
  diskIsFull(step: string, freeBytes: number, floorBytes: number): BuildFailed {
    return new BuildFailed(
      `Only ${formatBytes(freeBytes)} are left on the engine's disk (${formatBytes(floorBytes)} are kept free): the build was ended in: ${step}.`,
      diskHint,
    );
  }

  /** Before it began. */
  noRoom(freeBytes: number, floorBytes: number): BuildFailed {
    return new BuildFailed(
      `There is no room for a build: ${formatBytes(freeBytes)} are left on the engine's disk, ${formatBytes(floorBytes)} are kept free.`,
      diskHint,
    );
  }

  #verb(flag: string): string {
    return `paas builds:limits:set ${flag} -a ${this.#app}`;
  }
}

/** What of memory is known when a step of a Dockerfile was killed. */
export interface StepMemory {
  readonly limitMb: number;
  /** The kernel has counted that the builds' limit was met. */
  readonly isOut: boolean;
}

/** A step that ended with SIGKILL: memory is the reason only where the kernel says so. */
export function killedStep(where: string, { limitMb, isOut }: StepMemory): BuildFailed {
  const limit = `builds may use ${limitMb} MB`;
  return new BuildFailed(
    isOut ? `Dockerfile ${where} ran out of memory (${limit}).` : `Dockerfile ${where} was killed (exit code 137).`,
    isOut
      ? "Make this step use less memory: fewer parallel jobs, or a smaller heap."
      : `Look at its output above; if it needs more memory (${limit}): paas builds:limits:set --memory`,
  );
}

/** `90s`, `30m` */
function seconds(ms: number): string {
  const whole = Math.ceil(ms / 1000);
  return whole % 60 === 0 ? `${whole / 60}m` : `${whole}s`;
}
