import type { Log } from "../core/log.ts";

/** Whether the engine answers, as far as anybody has noticed. */
export class EngineState {
  readonly #log: Log;
  #problem: string | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Undefined while it answers. */
  get problem(): string | undefined {
    return this.#problem;
  }

  readonly report = (problem: string | undefined): void => {
    if (problem !== undefined && this.#problem === undefined) this.#log.warn("the engine does not answer", { problem });
    if (problem === undefined && this.#problem !== undefined) this.#log.info("the engine answers again");
    this.#problem = problem;
  };
}
