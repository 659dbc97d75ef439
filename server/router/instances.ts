import { connect } from "node:net";
import type { Target } from "./protocol.ts";

const checkEveryMs = 1_000;
const checkTimeoutMs = 1_000;

/** An upgraded connection: it ends when it is asked to, at the end of a drain's patience. */
export interface Tunnel {
  endTunnel(): void;
}

/** What this worker knows of one instance. It lives as long as the table names it or something is under way to it. */
export class Instance {
  target: Target;
  /** Requests under way, tunnels included. */
  inFlight = 0;
  /** It did not take a connection: left alone until a check finds that it does. */
  isOut = false;
  isListed = true;
  readonly tunnels = new Set<Tunnel>();
  #check: NodeJS.Timeout | undefined;

  constructor(target: Target) {
    this.target = target;
  }

  /** Takes it out of rotation at once; a check brings it back. */
  refused(): void {
    this.isOut = true;
    this.#check ??= setInterval(() => this.#knock(), checkEveryMs).unref();
  }

  /** It answers, or nobody asks any more. */
  back(): void {
    this.isOut = false;
    clearInterval(this.#check);
    this.#check = undefined;
  }

  #knock(): void {
    const socket = connect({ host: this.target.host, port: this.target.port, timeout: checkTimeoutMs });
    socket.once("connect", () => {
      this.back();
      socket.destroy();
    });
    socket.once("timeout", () => socket.destroy());
    socket.on("error", () => {});
  }
}

/** All instances of one worker, by id. */
export class Instances {
  readonly #all = new Map<string, Instance>();
  readonly #waiters = new Set<() => void>();

  /** The same object for the same id, whatever table names it. */
  of(target: Target): Instance {
    const known = this.#all.get(target.id);
    if (known === undefined) {
      const made = new Instance(target);
      this.#all.set(target.id, made);
      return made;
    }
    known.target = target;
    known.isListed = true;
    return known;
  }

  /** Forgets those that the table does not name, once nothing is under way to them. */
  retain(ids: ReadonlySet<string>): void {
    for (const [id, instance] of this.#all) {
      instance.isListed = ids.has(id);
      if (!instance.isListed) instance.back();
      this.#forgetIdle(instance);
    }
  }

  leave(instance: Instance): void {
    instance.inFlight -= 1;
    if (instance.inFlight > 0) return;
    this.#forgetIdle(instance);
    if (this.#waiters.size > 0) for (const look of [...this.#waiters]) look();
  }

  counts(): Readonly<Record<string, number>> {
    const busy = [...this.#all].filter(([, instance]) => instance.inFlight > 0);
    return Object.fromEntries(busy.map(([id, instance]) => [id, instance.inFlight]));
  }

  /**
   * True as soon as nothing is under way to these targets; false after `deadlineMs`. Tunnels are left to their instance, which
   * knows how its protocol says good-bye.
   */
  drain(targetIds: readonly string[], deadlineMs: number): Promise<boolean> {
    const isIdle = () => targetIds.every((id) => (this.#all.get(id)?.inFlight ?? 0) === 0);
    return this.#wait(isIdle, deadlineMs);
  }

  /** The same for all. */
  drainAll(deadlineMs: number): Promise<boolean> {
    const isIdle = () => [...this.#all.values()].every((instance) => instance.inFlight === 0);
    return this.#wait(isIdle, deadlineMs);
  }

  endTunnels(): void {
    for (const { tunnels } of this.#all.values()) for (const tunnel of [...tunnels]) tunnel.endTunnel();
  }

  stop(): void {
    for (const instance of this.#all.values()) instance.back();
  }

  #forgetIdle(instance: Instance): void {
    if (!instance.isListed && instance.inFlight === 0) this.#all.delete(instance.target.id);
  }

  #wait(isIdle: () => boolean, deadlineMs: number): Promise<boolean> {
    if (isIdle()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (value: boolean) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        resolve(value);
      };
      const look = () => {
        if (isIdle()) settle(true);
      };
      const timer = setTimeout(() => settle(false), deadlineMs);
      this.#waiters.add(look);
    });
  }
}
