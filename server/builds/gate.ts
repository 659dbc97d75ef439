import { formatBytes } from "../core/size.ts";
import { BuildFailed } from "./failure.ts";

export interface GateOptions {
  /** How many builds may run commands at a time. */
  readonly parallel: number;
  /** Memory that could be had now. */
  readonly freeMemoryBytes: () => number;
  /** How long a build waits for memory when no other build has it. */
  readonly memoryWaitMs?: number;
  readonly lookEveryMs?: number;
}

export interface GateEntry {
  /** `push 4f394e9a of shop`, for what is said to those behind. */
  readonly title: string;
  /** Begins when so much memory is free. */
  readonly needBytes: number;
  /** Called with a new text whenever the place changes: `Waiting: position 2 of 3, behind push 4f394e9a of shop` */
  readonly onWait: (text: string) => void;
}

interface Waiting {
  readonly entry: GateEntry;
  readonly since: number;
  readonly settle: PromiseWithResolvers<Disposable>;
  told: string | undefined;
}

const fiveMinutesMs = 300_000;

/** Lets so many builds work at a time as the machine can bear, in the order in which they came. */
export class BuildGate {
  readonly #options: GateOptions;
  readonly #running = new Set<GateEntry>();
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Resolves when the build may begin; disposing lets the next one in. @throws BuildFailed when there is no memory for it */
  async enter(entry: GateEntry, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const waiting: Waiting = { entry, since: Date.now(), settle: Promise.withResolvers(), told: undefined };
    this.#waiting.push(waiting);
    const onAbort = () => {
      this.#leave(waiting);
      waiting.settle.reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#look();
    try {
      return await waiting.settle.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #leave(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at !== -1) this.#waiting.splice(at, 1);
    this.#look();
  }

  #look(): void {
    for (let head = this.#waiting[0]; head !== undefined && this.#hasRoom(head); head = this.#waiting[0]) {
      this.#waiting.shift();
      this.#admit(head);
    }
    this.#giveUp();
    this.#tell();
    clearTimeout(this.#timer);
    // Memory comes free without anybody telling.
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#look(), this.#options.lookEveryMs ?? 1000);
  }

  #hasRoom({ entry }: Waiting): boolean {
    return this.#running.size < this.#options.parallel && this.#options.freeMemoryBytes() >= entry.needBytes;
  }

  #admit({ entry, settle }: Waiting): void {
    this.#running.add(entry);
    settle.resolve({
      [Symbol.dispose]: () => {
        if (this.#running.delete(entry)) this.#look();
      },
    });
  }

  /** With no build running, nothing of ours will give memory back. */
  #giveUp(): void {
    const [head] = this.#waiting;
    const waitMs = this.#options.memoryWaitMs ?? fiveMinutesMs;
    if (head === undefined || this.#running.size > 0 || Date.now() - head.since < waitMs) return;
    this.#waiting.shift();
    head.settle.reject(
      new BuildFailed(
        `There was no memory for the build: ${formatBytes(this.#options.freeMemoryBytes())} are free, it needs ${formatBytes(head.entry.needBytes)}.`,
        "Scale something down, or let builds of this app use less: paas builds:limits:set --memory 512M",
      ),
    );
    this.#look();
  }

  #tell(): void {
    for (const [index, waiting] of this.#waiting.entries()) {
      const text = this.#placeOf(index, waiting.entry);
      if (text === waiting.told) continue;
      waiting.told = text;
      waiting.entry.onWait(text);
    }
  }

  #placeOf(index: number, entry: GateEntry): string {
    const [running] = this.#running;
    const ahead = this.#waiting[index - 1]?.entry ?? running;
    if (ahead === undefined || (index === 0 && this.#running.size < this.#options.parallel)) {
      return `Waiting for memory: the build needs ${formatBytes(entry.needBytes)}`;
    }
    return `Waiting: position ${index + 1} of ${this.#waiting.length}, behind ${ahead.title}`;
  }
}

/** One build per two CPUs, as long as the memory that they may take is there twice. */
export function defaultParallel(
  machine: { readonly cpus: number; readonly memoryBytes: number },
  buildBytes: number,
): number {
  return Math.max(1, Math.min(Math.floor(machine.cpus / 2), Math.floor(machine.memoryBytes / (2 * buildBytes))));
}

const mib = 1024 ** 2;

/** Half of what it may take, but 256 MiB or its limit at least: a build seldom takes all of it. */
export function neededMemory(limitBytes: number): number {
  return Math.min(limitBytes, Math.max(256 * mib, Math.floor(limitBytes / 2)));
}
