import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import { getCACertificates } from "node:tls";
import type { Authorization, Client, Order } from "acme-client";
import { messageOf } from "../../core/errors.ts";
import type { AcmeAccount, KeyPair } from "./types.ts";

export type ChallengeType = "http-01" | "tls-alpn-01" | "dns-01";

/** Puts the answer to one challenge in its place. Disposing takes it away again. */
export interface Challenges {
  http(name: string, token: string, answer: string, signal: AbortSignal): Promise<AsyncDisposable>;
  tlsAlpn(name: string, pair: KeyPair, signal: AbortSignal): Promise<AsyncDisposable>;
  dns(name: string, value: string, signal: AbortSignal): Promise<AsyncDisposable>;
}

export interface AcmeDeps {
  readonly directory: string;
  readonly email: string | undefined;
  /** PEM file: trusted beside what the machine trusts. */
  readonly caFile: string | undefined;
  /** For names without a wildcard. */
  readonly challenge: ChallengeType;
  readonly accounts: {
    account(directory: string): AcmeAccount | undefined;
    saveAccount(account: AcmeAccount): void;
  };
  readonly challenges: Challenges;
}

/** The CA did not give a certificate. `message` is in its own words where it said any. */
export class AcmeRefusal extends Error {
  /** `rateLimited` and the like, without the URN; undefined when the CA was not reached. */
  readonly type: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, type?: string, retryAfterMs?: number) {
    super(message);
    this.type = type;
    this.retryAfterMs = retryAfterMs;
  }
}

type Acme = typeof import("acme-client");

const requestTimeoutMs = 30_000;
const polling = { backoffAttempts: 24, backoffMin: 500, backoffMax: 5_000 };

/** Gets a certificate for the names (RFC 8555). @throws AcmeRefusal */
export async function issue(deps: AcmeDeps, names: readonly string[], signal: AbortSignal): Promise<KeyPair> {
  const acme = await load(deps.caFile);
  try {
    const client = await signIn(acme, deps);
    const order = await client.createOrder({ identifiers: names.map((value) => ({ type: "dns", value })) });
    for (const authorization of await client.getAuthorizations(order)) {
      signal.throwIfAborted();
      if (authorization.status !== "valid") await authorise(acme, client, deps, authorization, order, signal);
    }
    const [key, csr] = await acme.crypto.createCsr({ altNames: [...names] }, await acme.crypto.createPrivateEcdsaKey());
    const finalised = await client.finalizeOrder(order, csr);
    return { chain: await client.getCertificate(finalised), key: key.toString() };
  } catch (err) {
    signal.throwIfAborted();
    throw err instanceof AcmeRefusal ? err : new AcmeRefusal(messageOf(err));
  }
}

/** Only where a certificate is wanted: the package costs memory for as long as the daemon lives. */
async function load(caFile: string | undefined): Promise<Acme> {
  const acme = await import("acme-client");
  const { defaults } = acme.axios;
  defaults.timeout = requestTimeoutMs;
  const own = caFile === undefined ? [] : [readFileSync(caFile, "utf8")];
  defaults.httpsAgent = new Agent({ ca: [...getCACertificates("default"), ...getCACertificates("system"), ...own] });
  // What the CA says about limits is ours to keep to, over minutes and restarts: see `retryAfter`.
  Object.assign(defaults, { acmeSettings: { ...settingsOf(defaults), retryMaxAttempts: 0 } });
  if (!isListening) acme.axios.interceptors.response.use(refuse);
  isListening = true;
  return acme;
}

let isListening = false;

function settingsOf(defaults: object): object {
  return "acmeSettings" in defaults && typeof defaults.acmeSettings === "object" ? (defaults.acmeSettings ?? {}) : {};
}

interface Problem {
  readonly type?: string;
  readonly detail?: string;
  readonly subproblems?: readonly { readonly detail?: string; readonly identifier?: { readonly value?: string } }[];
}

/** Turns a problem document (RFC 7807) into a refusal before the package makes a bare message of it. */
function refuse<T extends { readonly status: number; readonly data: unknown; readonly headers: object }>(answer: T): T {
  const { status, data, headers } = answer;
  if (status < 400 || typeof data !== "object" || data === null) {
    if (status < 500 && status !== 429) return answer;
    throw new AcmeRefusal(`the CA answered ${status}`, undefined, waitOf(headers));
  }
  const problem = data as Problem;
  const type = problem.type?.replace("urn:ietf:params:acme:error:", "");
  if (type === "badNonce") return answer;
  throw new AcmeRefusal(wordsOf(problem) ?? `the CA answered ${status}`, type, waitOf(headers));
}

function wordsOf(problem: Problem): string | undefined {
  const parts = (problem.subproblems ?? []).map((one) => `${one.identifier?.value ?? "?"}: ${one.detail ?? "?"}`);
  const words = [problem.detail, ...parts].filter(Boolean).join("; ");
  return words === "" ? undefined : words.replaceAll(/\s+/g, " ");
}

function waitOf(headers: object): number | undefined {
  const raw = "retry-after" in headers ? String(headers["retry-after"]) : undefined;
  if (raw === undefined) return undefined;
  const ms = /^\d+$/.test(raw) ? Number(raw) * 1000 : Date.parse(raw) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/** With the account of this installation at that CA, made the first time, and made anew when the CA has forgotten it. */
async function signIn(acme: Acme, deps: AcmeDeps): Promise<Client> {
  const kept = deps.accounts.account(deps.directory);
  const key = kept?.key ?? (await acme.crypto.createPrivateEcdsaKey()).toString();
  const options = { directoryUrl: deps.directory, accountKey: key, ...polling };
  const contact = deps.email === undefined ? {} : { contact: [`mailto:${deps.email}`] };
  if (kept?.url !== undefined) {
    const client = new acme.Client({ ...options, accountUrl: kept.url });
    const isKnown = await client.updateAccount({}).then(
      () => true,
      (err: unknown) => {
        if (err instanceof AcmeRefusal && err.type === "accountDoesNotExist") return false;
        throw err;
      },
    );
    if (isKnown) return client;
  }
  const client = new acme.Client(options);
  deps.accounts.saveAccount({ directory: deps.directory, url: undefined, key });
  await client.createAccount({ termsOfServiceAgreed: true, ...contact });
  deps.accounts.saveAccount({ directory: deps.directory, url: client.getAccountUrl(), key });
  return client;
}

async function authorise(
  acme: Acme,
  client: Client,
  deps: AcmeDeps,
  authorization: Authorization,
  order: Order,
  signal: AbortSignal,
): Promise<void> {
  const name = authorization.identifier.value;
  const wanted = authorization.wildcard === true ? "dns-01" : deps.challenge;
  const challenge = authorization.challenges.find(({ type }) => type === wanted);
  if (challenge === undefined) throw new AcmeRefusal(`the CA offers no ${wanted} challenge for ${name}`);
  const answer = await client.getChallengeKeyAuthorization(challenge);
  await using _answered = await (async () => {
    if (wanted === "http-01") return await deps.challenges.http(name, challenge.token, answer, signal);
    if (wanted === "dns-01") return await deps.challenges.dns(name, answer, signal);
    const [key, chain] = await acme.crypto.createAlpnCertificate(authorization, answer);
    return await deps.challenges.tlsAlpn(name, { chain: chain.toString(), key: key.toString() }, signal);
  })();
  await client.completeChallenge(challenge);
  try {
    await client.waitForValidStatus(challenge);
  } catch (err) {
    throw (await verdictOf(client, order, name)) ?? err;
  }
}

/** What the CA found when it looked. */
async function verdictOf(client: Client, order: Order, name: string): Promise<AcmeRefusal | undefined> {
  const all = await client.getAuthorizations(order).catch(() => []);
  const failed = all
    .find((one) => one.identifier.value === name)
    ?.challenges.find((one) => "error" in one && one.error);
  const problem = failed !== undefined && "error" in failed ? (failed.error as Problem) : undefined;
  const words = problem === undefined ? undefined : wordsOf(problem);
  if (words === undefined) return undefined;
  return new AcmeRefusal(words, problem?.type?.replace("urn:ietf:params:acme:error:", ""));
}
