import { AppError } from "../../core/errors.ts";
import { newId, type AppId } from "../../core/ids.ts";
import type { App, Route } from "../../core/types.ts";
import type { Clock } from "../../core/time.ts";
import type { CertsPort, CertView } from "../../api/platform.ts";
import { type CertsInput, nameFor, renewalOf, servingCertificate, wantedNames } from "./decide.ts";
import { checkOwn } from "./inspect.ts";
import { parseRouteAddress } from "../address.ts";
import type { Certificate, KeyPair, NameRecord } from "./types.ts";

export interface CertsDeps {
  readonly store: {
    list(): readonly Certificate[];
    records(): readonly NameRecord[];
    replace(certificate: Certificate, pair: KeyPair, replaced: readonly string[]): void;
    remove(id: string): void;
    note(name: string, change: Partial<Omit<NameRecord, "name">>): void;
  };
  readonly apps: { find(name: string): App | undefined };
  readonly routes: () => readonly Route[];
  readonly setAppAuto: (appId: AppId, isOn: boolean) => void;
  readonly situation: () => Pick<CertsInput, "isAcmeOn" | "hasDnsHook" | "domain" | "hosts">;
  readonly isOrdering: (name: string) => boolean;
  /** Something has changed: look again what to ask for. */
  readonly wake: () => void;
  /** Resolves when the router serves what is stored now. */
  readonly serve: () => Promise<void>;
  readonly now: Clock;
}

/** The verbs about certificates. */
export function createCerts(deps: CertsDeps): CertsPort {
  const { store } = deps;
  return {
    list: () => listCerts(deps),

    async add(_actor, { names, chain, key }) {
      const hosts = names.map((name) => parseRouteAddress({ domain: name }).host);
      const { chain: clean, isComplete, ...facts } = checkOwn(chain, key, hosts, deps.now());
      const certificate: Certificate = { id: newId(), source: "own", createdAt: deps.now(), ...facts };
      const isReplaced = (one: Certificate) =>
        one.source === "own" && one.names.every((name) => certificate.names.includes(name));
      const replaced = store.list().filter(isReplaced);
      store.replace(
        certificate,
        { chain: clean, key },
        replaced.map(({ id }) => id),
      );
      await deps.serve();
      deps.wake();
      return { ...viewOf(deps, certificate, new Map()), isComplete };
    },

    async remove(_actor, typed) {
      const name = parseRouteAddress({ domain: typed }).host;
      const held = store.list().filter((one) => one.source !== "self" && one.names.includes(name));
      if (held.length === 0) throw new AppError("CERT_NOT_FOUND", { name });
      for (const certificate of held) {
        store.remove(certificate.id);
        // Else the CA would be asked for the same one at once.
        if (certificate.source === "acme") for (const one of certificate.names) store.note(one, { auto: false });
      }
      await deps.serve();
      deps.wake();
      return held.map((one) => viewOf(deps, one, new Map()));
    },

    auto(_actor, name, isOn) {
      const app = deps.apps.find(name);
      const hosts = app === undefined ? [hostOf(deps, name)] : hostsOf(deps, app.id);
      if (isOn) for (const host of hosts) checkPossible(deps, host);
      if (app !== undefined) deps.setAppAuto(app.id, isOn);
      // What was said of a name before gives way to what is said of its app now.
      for (const host of hosts) store.note(host, { auto: app === undefined ? isOn : undefined });
      const names = isOn ? hosts.map((host) => nameFor(host, deps.situation())) : [];
      for (const name of names) store.note(name, { failures: 0, problem: undefined, retryAt: undefined });
      deps.wake();
      return { hosts, app: app?.name };
    },
  };
}

function hostOf(deps: CertsDeps, name: string): string {
  const isHost = deps.situation().hosts.some(({ host }) => host === name.toLowerCase());
  if (!isHost) throw new AppError("CERT_AUTO_UNKNOWN", { name });
  return name.toLowerCase();
}

function hostsOf(deps: CertsDeps, appId: AppId): readonly string[] {
  const hosts = deps.routes().filter((route) => route.appId === appId);
  return [...new Set(hosts.map(({ host }) => host))];
}

function checkPossible(deps: CertsDeps, name: string): void {
  const { isAcmeOn, hasDnsHook } = deps.situation();
  if (!isAcmeOn) throw new AppError("CERT_AUTO_IMPOSSIBLE", { name, why: "--acme-directory is off" });
  if (!name.includes(".") || name.endsWith(".localhost"))
    throw new AppError("CERT_AUTO_IMPOSSIBLE", { name, why: "no CA knows a name of this machine only" });
  if (name.startsWith("*.") && !hasDnsHook)
    throw new AppError("CERT_AUTO_IMPOSSIBLE", { name, why: "a wildcard needs --acme-dns-hook" });
}

/** What there is, what is on its way and what failed. */
function listCerts(deps: CertsDeps): readonly CertView[] {
  const { store, situation, now } = deps;
  const records = new Map(store.records().map((record) => [record.name, record]));
  const all = store.list().filter((one) => one.source !== "self");
  const wanted = wantedNames({ ...situation(), records: store.records() });
  const missing = wanted.filter(({ name }) => servingCertificate(name, all, now()) === undefined);
  const rows = [
    ...all.map((one) => viewOf(deps, one, records)),
    ...missing.map(({ name }) => missingView(deps, name, records.get(name))),
  ];
  return rows.toSorted((a, b) => ((a.names[0] ?? "") < (b.names[0] ?? "") ? -1 : 1));
}

function viewOf(deps: CertsDeps, one: Certificate, records: ReadonlyMap<string, NameRecord>): CertView {
  const now = deps.now();
  const record = one.source === "acme" ? records.get(one.names[0] ?? "") : undefined;
  const isWanted = one.source === "acme" && wantedOf(deps).has(one.names[0] ?? "");
  const valid = one.notAfter > now ? "valid" : "expired";
  return {
    names: one.names,
    source: one.source === "acme" ? "acme" : "own",
    state: one.names.some((name) => deps.isOrdering(name)) ? "renewing" : one.notBefore > now ? "not yet" : valid,
    issuer: one.issuer,
    notBefore: one.notBefore,
    expiresAt: one.notAfter,
    renewsAt: isWanted ? Math.max(renewalOf(one), record?.retryAt ?? 0) : undefined,
    problem: record?.problem,
    retryAt: record?.retryAt,
  };
}

function wantedOf(deps: CertsDeps): ReadonlySet<string> {
  return new Set(wantedNames({ ...deps.situation(), records: deps.store.records() }).map(({ name }) => name));
}

function missingView(deps: CertsDeps, name: string, record: NameRecord | undefined): CertView {
  const isFailed = record?.problem !== undefined;
  return {
    names: [name],
    source: "acme",
    state: deps.isOrdering(name) ? "ordering" : isFailed ? "failed" : "waiting",
    issuer: undefined,
    notBefore: undefined,
    expiresAt: undefined,
    renewsAt: undefined,
    problem: record?.problem,
    retryAt: record?.retryAt,
  };
}
