import { z } from "zod";
import type { Config } from "../config/config.ts";
import { AppError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Clock } from "../core/time.ts";
import { type Challenges, issue } from "../routes/certs/acme.ts";
import { createCerts } from "../routes/certs/certs.ts";
import { type CertsInput, isServed } from "../routes/certs/decide.ts";
import { presentDns } from "../routes/certs/dns-hook.ts";
import { HttpChallenges } from "../routes/certs/http-challenge.ts";
import { whyNotHere } from "../routes/certs/points-here.ts";
import { Renewals } from "../routes/certs/renewals.ts";
import { Serving } from "../routes/certs/serving.ts";
import type { RouterControl } from "../router/protocol.ts";
import { createCertificateStore } from "../store/certificates.ts";
import type { State } from "./state.ts";

export interface CertPartsInput {
  readonly config: Config;
  readonly state: State;
  readonly router: () => RouterControl;
  readonly publishRoutes: () => Promise<void>;
  /** Resolves when the router has the daemon's first table: before that no challenge can be answered. */
  readonly routesAreOut: Promise<void>;
  readonly now: Clock;
  readonly log: Log;
}

const encryptTimeoutMs = 15_000;
const autoSetting = "certs.auto";

/** Certificates: what is stored, what is asked for, and what the router serves. */
export function createCertParts(input: CertPartsInput) {
  const { config, state, log } = input;
  const { acme, domain } = config;
  const store = createCertificateStore(state.db, state.sealer);
  const http = new HttpChallenges(input.publishRoutes);
  const serving = new Serving({
    store,
    encrypt: (encryption) => input.router().encrypt(encryption, AbortSignal.timeout(encryptTimeoutMs)),
    fallbackNames: [domain, `*.${domain}`],
    now: input.now,
  });
  const challenges: Challenges = {
    http: (name, token, answer) => http.answer(name, token, answer),
    tlsAlpn: (name, pair) => serving.challenge(name, pair),
    dns(name, value, signal) {
      if (acme.dnsHook === undefined)
        throw new AppError("CERT_AUTO_IMPOSSIBLE", { name, why: "a wildcard needs --acme-dns-hook" });
      return presentDns(acme.dnsHook, name, value, signal);
    },
  };
  const situation = (): Pick<CertsInput, "isAcmeOn" | "hasDnsHook" | "domain" | "hosts"> => ({
    isAcmeOn: acme.directory !== undefined && config.httpsPort !== undefined,
    hasDnsHook: acme.dnsHook !== undefined,
    domain,
    hosts: hostsOf(state, `paas.${domain}`),
  });
  const renewals = new Renewals({
    store,
    situation,
    issue: (names, signal) =>
      issue({ ...acme, directory: acme.directory ?? "", accounts: store, challenges }, names, signal),
    whyNotHere: (name, signal) => whyNotHere({ dnsServers: acme.dnsServers, challenges }, name, signal),
    serve: () => serving.push(),
    now: input.now,
    log: log.with({ part: "certs" }),
  });
  let isStarted = false;
  const wake = () => {
    if (isStarted) renewals.wake();
  };
  void input.routesAreOut.then(() => {
    isStarted = true;
    wake();
  });
  const port = createCerts({
    store,
    apps: state.apps,
    routes: () => state.routes.list(),
    setAppAuto: (appId, isOn) => state.appSettings.set(appId, autoSetting, isOn),
    situation,
    isOrdering: (name) => renewals.isOrdering(name),
    wake,
    serve: () => serving.push(),
    now: input.now,
  });
  return {
    port,
    hasCertificate: (host: string) => isServed(host, store.list(), input.now()),
    /** Rows of the routing table while the CA looks. */
    challengeRoutes: () => http.routes(),
    /** Hosts have come or gone. */
    wake,
    /** Before the doors open: who connects gets the right certificate. */
    serve: () => serving.push(),
    [Symbol.asyncDispose]: () => renewals[Symbol.asyncDispose](),
  };
}

/** Every routed host, and the API's own, with what was said of its app. */
function hostsOf(state: State, own: string): CertsInput["hosts"] {
  const hosts = new Map<string, boolean | undefined>([[own, undefined]]);
  for (const { host, appId } of state.routes.list()) {
    if (appId === undefined) continue;
    const said = state.appSettings.get(appId, autoSetting, z.boolean());
    // One name, several apps below it: one that says no is enough unless another says yes.
    hosts.set(host, hosts.get(host) ?? said);
  }
  return [...hosts].map(([host, appAuto]) => ({ host, appAuto }));
}
