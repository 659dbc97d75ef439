import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../core/log.ts";
import type { AppLog } from "./app-log.ts";
import { LineAssembler, type LogFrame } from "./assemble.ts";
import type { LogEngine, LoggedContainer } from "./ports.ts";
import { shortId } from "./record.ts";
import type { Turns } from "./turns.ts";

export interface FollowerDeps {
  readonly engine: LogEngine;
  readonly turns: Turns;
  readonly log: Log;
}

const firstRetryMs = 100;
const lastRetryMs = 5_000;

/** Copies the output of one container into its app's log, from where that log left off. */
export class Follower {
  readonly container: LoggedContainer;
  readonly done: Promise<void>;
  readonly #deps: FollowerDeps;
  readonly #appLog: AppLog;
  readonly #stop = new AbortController();

  constructor(container: LoggedContainer, appLog: AppLog, deps: FollowerDeps) {
    this.container = container;
    this.#appLog = appLog;
    this.#deps = deps;
    this.done = this.#run();
  }

  /** Takes no more; resolves when the last line taken is in the log. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let retryMs = firstRetryMs;
    let assembler: LineAssembler | undefined;
    while (!signal.aborted && !this.#appLog.isClosed) {
      try {
        assembler ??= new LineAssembler(await this.#appLog.position(shortId(this.container.id)));
        const before = JSON.stringify(assembler.position);
        if (await this.#readOnce(assembler, signal)) return;
        if (JSON.stringify(assembler.position) !== before) retryMs = firstRetryMs;
      } catch (err) {
        if (signal.aborted) return;
        const fields = { container: this.container.id, err };
        if (retryMs === firstRetryMs) this.#deps.log.warn("a container's output cannot be read", fields);
      }
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(retryMs * 2, lastRetryMs);
    }
  }

  /** True when the container has ended and all of its output has been taken. */
  async #readOnce(assembler: LineAssembler, signal: AbortSignal): Promise<boolean> {
    const { engine } = this.#deps;
    const state = await engine.state(this.container.id, signal);
    if (state === "gone") return true;
    if (state === "created") return false;
    assembler.rewind();
    for await (const frames of engine.follow(this.container.id, assembler.since(), signal)) {
      await this.#deps.turns.take(() => this.#keep(assembler, frames));
      await this.#appLog.ready(signal);
      if (signal.aborted || this.#appLog.isClosed) return true;
    }
    // The engine may stop following before the last lines: only a reading that began after the end is complete.
    return state === "ended";
  }

  #keep(assembler: LineAssembler, frames: readonly LogFrame[]): void {
    const { process } = this.container;
    const container = shortId(this.container.id);
    for (const frame of frames) {
      for (const { ns, text, stream, ordinal, isOpen } of assembler.take(frame)) {
        this.#appLog.keep({ ns, source: "app", process, text, origin: { container, stream, ordinal, isOpen } });
      }
    }
  }
}
