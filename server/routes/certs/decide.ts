import type { Instant } from "../../core/types.ts";
import { covers, isPublicName, parentOf } from "./names.ts";
import type { Certificate, NameRecord } from "./types.ts";

export interface CertsInput {
  /** False: the CA is never asked. */
  readonly isAcmeOn: boolean;
  /** Only a DNS hook can prove a wildcard. */
  readonly hasDnsHook: boolean;
  /** Apps answer below it, each at a name of its own. */
  readonly domain: string;
  /** Hosts that are routed, with what `certs:auto` says of their app. */
  readonly hosts: readonly { readonly host: string; readonly appAuto: boolean | undefined }[];
  readonly certificates: readonly Certificate[];
  readonly records: readonly NameRecord[];
  /** The CA wants no order before that moment. */
  readonly pausedUntil: Instant | undefined;
}

export interface Order {
  readonly names: readonly string[];
  /** Somebody said `certs:auto NAME on`: the CA is asked even when the name does not seem to point here. */
  readonly isInsisted: boolean;
  readonly isRenewal: boolean;
}

export interface CertsPlan {
  readonly orders: readonly Order[];
  /** Certificates of the CA that nothing needs and that have expired. */
  readonly discard: readonly string[];
  /** When to look again if nothing changes; undefined: not before something changes. */
  readonly nextAt: Instant | undefined;
}

const firstRetryMs = 60_000;
const longestRetryMs = 6 * 3_600_000;

/** What to ask the CA for now. */
export function decideCerts(input: CertsInput, now: Instant): CertsPlan {
  const wanted = input.isAcmeOn ? wantedNames(input) : [];
  const vouched = input.certificates.filter((one) => one.source !== "self");
  const records = new Map(input.records.map((record) => [record.name, record]));
  const orders: Order[] = [];
  const moments: Instant[] = [];
  for (const { name, isInsisted } of wanted) {
    const best = servingCertificate(name, vouched, now);
    const due = best === undefined ? now : best.source === "own" ? best.notAfter : renewalOf(best);
    const at = Math.max(due, records.get(name)?.retryAt ?? 0, input.pausedUntil ?? 0);
    if (at <= now) orders.push({ names: [name], isInsisted, isRenewal: best !== undefined });
    else moments.push(at);
  }
  const isNeeded = (certificate: Certificate) =>
    certificate.notAfter > now || input.hosts.some(({ host }) => certificate.names.some((name) => covers(name, host)));
  const discard = input.certificates.filter((one) => one.source === "acme" && !isNeeded(one)).map(({ id }) => id);
  for (const { notBefore, notAfter } of input.certificates)
    moments.push(...[notBefore, notAfter].filter((at) => at > now));
  return { orders, discard, nextAt: moments.length === 0 ? undefined : Math.min(...moments) };
}

/** Names that get certificates by themselves. Below the platform's domain one wildcard does for all, where a DNS hook can prove it. */
export function wantedNames(
  input: Omit<CertsInput, "certificates" | "pausedUntil">,
): readonly { readonly name: string; readonly isInsisted: boolean }[] {
  const records = new Map(input.records.map((record) => [record.name, record]));
  const names = new Map<string, boolean>();
  for (const { host, appAuto } of input.hosts) {
    const said = records.get(host)?.auto ?? appAuto;
    if (!(said ?? isPublicName(host))) continue;
    if (host.startsWith("*.") && !input.hasDnsHook) continue;
    const name = nameFor(host, input);
    names.set(name, (names.get(name) ?? false) || said === true);
  }
  return [...names].map(([name, isInsisted]) => ({ name, isInsisted })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The name in the certificate that serves the host. */
export function nameFor(host: string, input: Pick<CertsInput, "hasDnsHook" | "domain">): string {
  return input.hasDnsHook && parentOf(host) === input.domain ? `*.${input.domain}` : host;
}

/** The certificate that a client which asks for `name` gets: one that is valid, the operator's own before the CA's, the longest last. */
export function servingCertificate(
  name: string,
  certificates: readonly Certificate[],
  now: Instant,
): Certificate | undefined {
  return byPreference(certificates, now).find((one) => one.names.some((held) => covers(held, name)));
}

/** Who asks for the name by HTTPS gets a certificate that is for it and valid; one signed by itself does not count. */
export function isServed(name: string, certificates: readonly Certificate[], now: Instant): boolean {
  const given = certificates.filter(({ source }) => source !== "self");
  const found = servingCertificate(name, given, now);
  return found !== undefined && found.notBefore <= now && found.notAfter > now;
}

/** The first that covers a name is the one to serve. An expired one is better than none: its name is right. */
export function byPreference(certificates: readonly Certificate[], now: Instant): readonly Certificate[] {
  const rank = (one: Certificate) =>
    (one.notAfter <= now || one.notBefore > now ? 2 : 0) + (one.source === "own" ? 0 : 1);
  return certificates.toSorted((a, b) => rank(a) - rank(b) || b.notAfter - a.notAfter || b.createdAt - a.createdAt);
}

/** After two thirds of its life, a little earlier by chance, so that certificates of one day do not come due at once. */
export function renewalOf(certificate: Certificate): Instant {
  const life = certificate.notAfter - certificate.notBefore;
  return Math.round(certificate.notAfter - life / 3 - (life / 20) * fractionOf(certificate.id));
}

/** When to try again after the `failures`th failure in a row; the CA's own wish comes first. */
export function retryAfter(failures: number, now: Instant, wishMs: number | undefined): Instant {
  const pause = Math.min(firstRetryMs * 2 ** (failures - 1), longestRetryMs);
  return now + Math.max(pause, wishMs ?? 0);
}

/** The same for the same id, 0 to 1. */
function fractionOf(id: string): number {
  let hash = 2_166_136_261;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 16_777_619) >>> 0;
  return (hash % 10_000) / 10_000;
}
