import { connect } from "node:net";
import type { Target } from "./protocol.ts";
import { type Slotted, Slots } from "./slots.ts";

const checkEveryMs = 1_000;
const checkTimeoutMs = 1_000;
/** The part of its time to connect after which an attempt may be given up for another instance. */
const patiencePart = 1 / 16;

/** An upgraded connection: it ends when it is asked to, at the end of a drain's patience. */
export interface Tunnel {
  endTunnel(): void;
}

/** The wait for a new connection. Nothing was sent yet, so another instance may have it. */
export interface Attempt extends Slotted {
  /** Of `performance.now()`. */
  readonly since: number;
  readonly connectTimeoutMs: number;
  /** Another instance that is up can be asked now. */
  mayMove(): boolean;
  /** The instance is out of rotation, or has left the table. */
  instanceLeft(): void;
}

const patienceOf = (one: Attempt): number => one.connectTimeoutMs * patiencePart;

/** What this worker knows of one instance. It lives as long as the table names it or something is under way to it. */
export class Instance {
  target: Target;
  /** Requests under way, tunnels included. */
  inFlight = 0;
  /** It did not take a connection: left alone until a check finds that it does. */
  isOut = false;
  isListed = true;
  readonly tunnels = new Set<Tunnel>();
  readonly #attempts = new Slots<Attempt>();
  #check: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(target: Target) {
    this.target = target;
  }

  /** Takes it out of rotation at once; a check brings it back. */
  refused(): void {
    // One that no table names is not asked again.
    if (this.isListed) {
      this.isOut = true;
      this.#check ??= setInterval(() => this.#knock(), checkEveryMs).unref();
    }
    this.left();
  }

  /** Tells all who wait for a connection that they may go elsewhere. */
  left(): void {
    if (this.#attempts.size > 0) for (const one of this.#attempts.list()) one.instanceLeft();
  }

  begin(one: Attempt): void {
    this.#attempts.add(one);
    this.#watch(patienceOf(one));
  }

  /** It is connected, or given up. */
  end(one: Attempt): void {
    this.#attempts.remove(one);
  }

  /** It answers, or nobody asks any more. */
  back(): void {
    this.isOut = false;
    clearInterval(this.#check);
    this.#check = undefined;
  }

  /** In its turn of the event loop: after a pause of this process the answers are there, but not looked at yet. */
  #watch(ms: number): void {
    if (this.#patience !== undefined) return;
    this.#patience = setTimeout(() => setImmediate(() => this.#look()), ms).unref();
  }

  /** A container that is gone answers nothing at all, and the kernel says so after seconds. */
  #look(): void {
    this.#patience = undefined;
    const attempts = this.#attempts.list();
    const now = performance.now();
    const isLate = (one: Attempt) => now - one.since >= patienceOf(one);
    if (attempts.some((one) => isLate(one) && one.mayMove())) this.refused();
    if (this.#attempts.size === 0) return;
    const left = this.#attempts
      .list()
      .map((one) => (isLate(one) ? patienceOf(one) : patienceOf(one) + one.since - now));
    this.#watch(Math.min(...left));
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
    const gone: Instance[] = [];
    for (const [id, instance] of this.#all) {
      instance.isListed = ids.has(id);
      if (!instance.isListed) {
        instance.back();
        gone.push(instance);
      }
      this.#forgetIdle(instance);
    }
    for (const instance of gone) instance.left();
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
