import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { portState } from "../host/port-state.ts";

/** What listens at a port. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
}

export interface DoorOptions {
  /** As a person says it: `ssh`. */
  readonly name: string;
  readonly port: number;
  readonly listen: () => Promise<Listening>;
  /** Who holds the port: `is held by sshd (process 12)`. */
  readonly holder: () => Promise<string>;
  readonly log: Log;
  /** Between the first and the second try, ms; then twice as long each time, up to `maxPauseMs`. */
  readonly minPauseMs?: number;
}

const maxPauseMs = 5000;
const notYet = "is not open yet";

/**
 * A port of the daemon. One that somebody else holds is tried again for as long as the daemon runs: apps are looked
 * after meanwhile, and what took the port while the daemon was away often goes again. Any other failure is the start's.
 */
export class Door implements AsyncDisposable {
  readonly #options: DoorOptions;
  readonly #end = new AbortController();
  #listening: Listening | undefined;
  #problem: string | undefined = notYet;
  #retrying: Promise<void> | undefined;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** What was asked for until it listens. */
  get port(): number {
    return this.#listening?.port ?? this.#options.port;
  }

  /** Undefined when it listens; else `ssh on port 2222: is held by sshd (process 12)`. */
  get problem(): string | undefined {
    return this.#problem && `${this.#options.name} on port ${this.#options.port}: ${this.#problem}`;
  }

  /** Resolves when it listens or the port is somebody else's. @throws when it cannot be listened on for another reason */
  async open(): Promise<void> {
    try {
      await this.#try();
    } catch (err) {
      if (!isTemporary(err)) throw err;
      await this.#failed(err);
      this.#retrying = this.#retry();
    }
  }

  async #try(): Promise<void> {
    this.#listening = await this.#options.listen();
    this.#problem = undefined;
  }

  async #failed(err: unknown): Promise<void> {
    this.#problem = isTaken(err) ? await this.#options.holder() : messageOf(err);
  }

  async #retry(): Promise<void> {
    const { log, name, port } = this.#options;
    let pauseMs = this.#options.minPauseMs ?? 100;
    while (!this.#end.signal.aborted && this.#listening === undefined) {
      log.warn("a port is not open yet, will try again", { name, port, problem: this.#problem, inMs: pauseMs });
      await delay(pauseMs, undefined, { signal: this.#end.signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, maxPauseMs);
      if (!this.#end.signal.aborted) await this.#try().catch((err: unknown) => this.#failed(err));
    }
    if (this.#listening !== undefined) log.info("port is open", { name, port });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#retrying;
    await this.#listening?.[Symbol.asyncDispose]();
  }
}

export interface DoorsOptions {
  readonly config: Pick<Config, "listen" | "sshPort" | "apiPort" | "home">;
  readonly isRouterConnected: () => boolean;
  readonly log: Log;
}

/** Everything that clients come in by: ssh, the API, and the router's ports, which are a process of their own. */
export class Doors {
  readonly #options: DoorsOptions;
  readonly #opened = new Map<"ssh" | "API", Door>();

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  get sshPort(): number {
    return this.#opened.get("ssh")?.port ?? this.#options.config.sshPort;
  }

  get apiPort(): number {
    return this.#opened.get("API")?.port ?? this.#options.config.apiPort;
  }

  /** None when all listen. */
  get closed(): readonly string[] {
    const doors = (["ssh", "API"] as const).map((name) => {
      const door = this.#opened.get(name);
      return door === undefined ? `${name}: ${notYet}` : door.problem;
    });
    const router = this.#options.isRouterConnected() ? undefined : "HTTP: the router is gone and is started again";
    return [router, ...doors].filter((problem) => problem !== undefined);
  }

  /** See `Door.open`. Disposing the answer closes it. */
  async open(name: "ssh" | "API", listen: DoorOptions["listen"]): Promise<AsyncDisposable> {
    const { config, log } = this.#options;
    const [address, port] = name === "ssh" ? [config.listen, config.sshPort] : ["127.0.0.1", config.apiPort];
    const door = new Door({ name, port, listen, holder: () => holderOf(address, port, config.home), log });
    this.#opened.set(name, door);
    await door.open();
    return door;
  }
}

async function holderOf(address: string, port: number, home: string): Promise<string> {
  const state = await portState(address, port, home);
  return `is held by ${state.kind === "held" ? state.by : "another program"}`;
}

/** Held by somebody, or of an address that the machine does not have yet. */
function isTemporary(err: unknown): boolean {
  return isTaken(err) || codeOf(err) === "EADDRNOTAVAIL";
}

function isTaken(err: unknown): boolean {
  return codeOf(err) === "EADDRINUSE";
}

function codeOf(err: unknown): unknown {
  return err instanceof Error && "code" in err ? err.code : undefined;
}
