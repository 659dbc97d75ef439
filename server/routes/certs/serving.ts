import type { Clock } from "../../core/time.ts";
import type { Encryption, ServedCertificate } from "../../router/tls/encryption.ts";
import { newId } from "../../core/ids.ts";
import { byPreference } from "./decide.ts";
import { readChain } from "./inspect.ts";
import { selfSigned } from "./self-signed.ts";
import type { Certificate, KeyPair } from "./types.ts";

export interface ServingDeps {
  readonly store: {
    list(): readonly Certificate[];
    keyPair(id: string): KeyPair;
    replace(certificate: Certificate, pair: KeyPair, replaced: readonly string[]): void;
  };
  readonly encrypt: (encryption: Encryption) => Promise<void>;
  /** Names in the certificate for everybody else. */
  readonly fallbackNames: readonly string[];
  readonly now: Clock;
}

/** Hands the certificates in force to the router, whenever they are others than before. */
export class Serving {
  readonly #deps: ServingDeps;
  readonly #challenges = new Set<ServedCertificate>();
  #last: Promise<void> = Promise.resolve();
  #given = "";

  constructor(deps: ServingDeps) {
    this.#deps = deps;
  }

  /** Resolves when every worker serves what is stored now. */
  push(): Promise<void> {
    const pushed = this.#last.then(() => this.#push());
    this.#last = pushed.catch(() => {});
    return pushed;
  }

  /** Shown to the CA that asks for the name by TLS-ALPN-01, until disposed. */
  async challenge(name: string, pair: KeyPair): Promise<AsyncDisposable> {
    const shown = { names: [name], ...pair };
    this.#challenges.add(shown);
    const end = async () => {
      this.#challenges.delete(shown);
      await this.push().catch(() => {});
    };
    try {
      await this.push();
    } catch (err) {
      await end();
      throw err;
    }
    return { [Symbol.asyncDispose]: end };
  }

  async #push(): Promise<void> {
    const { store, now } = this.#deps;
    const fallback = await this.#fallback();
    const all = byPreference(store.list(), now()).filter((one) => one.source !== "self");
    const challenges = [...this.#challenges];
    const given = JSON.stringify([fallback.id, all.map(({ id }) => id), challenges.map(({ chain }) => chain)]);
    if (given === this.#given) return;
    const served = (one: Certificate): ServedCertificate => ({ names: one.names, ...store.keyPair(one.id) });
    await this.#deps.encrypt({ certificates: all.map(served), fallback: served(fallback), challenges });
    this.#given = given;
  }

  async #fallback(): Promise<Certificate> {
    const { store, now, fallbackNames } = this.#deps;
    const all = store.list().filter((one) => one.source === "self");
    const isUsable = (one: Certificate) =>
      one.notAfter > now() && fallbackNames.every((name) => one.names.includes(name));
    const usable = all.find(isUsable);
    if (usable !== undefined) return usable;
    const pair = await selfSigned(fallbackNames, now());
    const { chain, isComplete: _, ...facts } = readChain(pair.chain);
    const made: Certificate = { id: newId(), source: "self", createdAt: now(), ...facts };
    const replaced = all.map(({ id }) => id);
    store.replace(made, { chain, key: pair.key }, replaced);
    return made;
  }
}
