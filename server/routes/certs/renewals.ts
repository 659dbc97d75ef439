import type { Log } from "../../core/log.ts";
import { messageOf } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import type { Clock } from "../../core/time.ts";
import { AcmeRefusal } from "./acme.ts";
import { type CertsInput, decideCerts, type Order, retryAfter } from "./decide.ts";
import { readChain } from "./inspect.ts";
import type { Certificate, KeyPair, NameRecord } from "./types.ts";

export interface RenewalsDeps {
  readonly store: {
    list(): readonly Certificate[];
    replace(certificate: Certificate, pair: KeyPair, replaced: readonly string[]): void;
    remove(id: string): void;
    records(): readonly NameRecord[];
    note(name: string, change: Partial<Omit<NameRecord, "name">>): void;
  };
  /** All that the decision needs beside what is stored. */
  readonly situation: () => Pick<CertsInput, "isAcmeOn" | "hasDnsHook" | "domain" | "hosts">;
  /** @throws AcmeRefusal */
  readonly issue: (names: readonly string[], signal: AbortSignal) => Promise<KeyPair>;
  /** Why the CA need not be asked yet. */
  readonly whyNotHere: (name: string, signal: AbortSignal) => Promise<string | undefined>;
  /** Hands to the router what is in force now. */
  readonly serve: () => Promise<void>;
  readonly now: Clock;
  readonly log: Log;
}

const orderTimeoutMs = 15 * 60_000;
const longestSleepMs = 3_600_000;
/** Asking the resolver costs nobody anything: a name that was pointed here should not wait for hours. */
const longestResolveMs = 10 * 60_000;
const pauseAfterLimitMs = 60_000;

/** Looks after certificates that come from the CA: one order at a time, again whenever something changes or falls due. */
export class Renewals implements AsyncDisposable {
  readonly #deps: RenewalsDeps;
  readonly #stop = new AbortController();
  readonly #ordering = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isStale = false;
  #pausedUntil: number | undefined;

  constructor(deps: RenewalsDeps) {
    this.#deps = deps;
  }

  /** Whether the CA is being asked for the name right now. */
  isOrdering(name: string): boolean {
    return this.#ordering.has(name);
  }

  /** Something has changed: look again soon. */
  wake(): void {
    if (this.#stop.signal.aborted) return;
    this.#isStale = true;
    this.#running ??= this.#passes().finally(() => {
      this.#running = undefined;
      if (this.#isStale) this.wake();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the daemon stops"));
    clearTimeout(this.#timer);
    await this.#running?.catch(() => {});
  }

  async #passes(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#isStale && !this.#stop.signal.aborted) {
      this.#isStale = false;
      try {
        await this.#pass();
      } catch (err) {
        if (this.#stop.signal.aborted) return;
        this.#deps.log.error("certificates were not looked after", { err });
        this.#sleep(pauseAfterLimitMs);
      }
    }
  }

  async #pass(): Promise<void> {
    const { store, now, situation } = this.#deps;
    const decide = () =>
      decideCerts(
        { ...situation(), certificates: store.list(), records: store.records(), pausedUntil: this.#pausedUntil },
        now(),
      );
    const { orders, discard } = decide();
    for (const id of discard) store.remove(id);
    await this.#deps.serve();
    for (const order of orders) {
      if (this.#stop.signal.aborted || this.#isStale) return;
      await this.#order(order);
    }
    const { nextAt, orders: left } = decide();
    this.#sleep(left.length > 0 ? 0 : (nextAt ?? Number.POSITIVE_INFINITY) - now());
  }

  #sleep(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), Math.max(0, Math.min(ms, longestSleepMs)));
    this.#timer.unref();
  }

  async #order(order: Order): Promise<void> {
    const { store, log, now } = this.#deps;
    const [name = ""] = order.names;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(orderTimeoutMs)]);
    this.#ordering.add(name);
    try {
      const why = order.isInsisted || name.startsWith("*.") ? undefined : await this.#deps.whyNotHere(name, signal);
      if (why !== undefined) {
        this.#failed(name, why, longestResolveMs, undefined);
        return;
      }
      log.info("certificate is asked for", { names: order.names.join(" ") });
      this.#keep(await this.#deps.issue(order.names, signal));
      store.note(name, { failures: 0, problem: undefined, retryAt: undefined });
      log.info("certificate came", { names: order.names.join(" "), isRenewal: String(order.isRenewal) });
      await this.#deps.serve();
    } catch (err) {
      if (this.#stop.signal.aborted) return;
      const refusal = err instanceof AcmeRefusal ? err : undefined;
      if (refusal?.type === "rateLimited") this.#pausedUntil = now() + pauseAfterLimitMs;
      log.warn("certificate did not come", { name, cause: messageOf(err), kind: refusal?.type ?? "" });
      this.#failed(name, messageOf(err), undefined, refusal?.retryAfterMs);
    } finally {
      this.#ordering.delete(name);
    }
  }

  #keep(pair: KeyPair): void {
    const { chain, isComplete: _, ...facts } = readChain(pair.chain);
    const certificate: Certificate = { id: newId(), source: "acme", createdAt: this.#deps.now(), ...facts };
    const isReplaced = (one: Certificate) =>
      one.source === "acme" && one.names.every((name) => certificate.names.includes(name));
    const replaced = this.#deps.store.list().filter(isReplaced);
    this.#deps.store.replace(
      certificate,
      { chain, key: pair.key },
      replaced.map(({ id }) => id),
    );
  }

  #failed(name: string, problem: string, longestMs: number | undefined, wishMs: number | undefined): void {
    const { store, now } = this.#deps;
    const failures = (store.records().find((record) => record.name === name)?.failures ?? 0) + 1;
    const at = retryAfter(failures, now(), wishMs);
    store.note(name, {
      failures,
      problem,
      retryAt: longestMs === undefined ? at : Math.min(at, now() + longestMs),
    });
  }
}
