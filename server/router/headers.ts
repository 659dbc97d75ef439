/** Fields as node:http gives and takes them: name, value, name, value. */
export type RawFields = readonly string[];

/** Fields of one connection only (RFC 9110 §7.6.1), and those that set the framing, which is made anew on each side. */
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What `Connection` may not take away: it would change where a message goes or where it ends. */
const neverNominated = new Set(["host", "content-length", "date"]);

/** Set by the router alone. Written with `_`, many applications could not tell them apart from ours. */
const owned = new Set([
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-request-id",
  "x-request-start",
  // httpoxy: CGI-like servers make HTTP_PROXY of it.
  "proxy",
]);

const trailerForbidden = new Set([...hopByHop, "content-length", "content-encoding", "content-type", "host", "expect"]);
trailerForbidden.add("authorization").add("set-cookie").add("content-range");

/** All values of a field, in order. `name` in lower case. */
export function fieldValues(raw: RawFields, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() === name) values.push(raw[i + 1] ?? "");
  }
  return values;
}

/** Members of a comma-separated field, lower case. */
export function fieldTokens(raw: RawFields, name: string): string[] {
  return fieldValues(raw, name)
    .flatMap((value) => value.split(","))
    .map((token) => token.trim().toLowerCase())
    .filter((token) => token !== "");
}

/** Without hop-by-hop fields, those that `Connection` names, and those for which `drop` answers true. */
export function endToEnd(raw: RawFields, drop: (name: string) => boolean = () => false): string[] {
  const nominated = new Set(fieldTokens(raw, "connection"));
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || drop(lower)) continue;
    if (nominated.has(lower) && !neverNominated.has(lower)) continue;
    kept.push(name, raw[i + 1] ?? "");
  }
  return kept;
}

export type BodyFraming = "none" | "length" | "chunked";

export interface ForwardFacts {
  readonly raw: RawFields;
  /** Host as the client wrote it, or the authority of an absolute target. */
  readonly authority: string;
  readonly method: string;
  readonly clientAddress: string;
  readonly port: number;
  readonly requestId: string;
  readonly now: number;
  readonly body: BodyFraming;
  readonly expectsContinue: boolean;
  /** Protocol of an upgrade that is passed on. */
  readonly upgrade: string | undefined;
}

const methodsWithoutBody = new Set(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"]);

/** The fields that an instance gets. */
export function requestFields(facts: ForwardFacts): string[] {
  const isDropped = (name: string) => name === "host" || name === "expect" || owned.has(name.replaceAll("_", "-"));
  const fields = ["Host", facts.authority, ...endToEnd(facts.raw, isDropped)];
  fields.push("X-Forwarded-For", forwardedFor(facts.raw, facts.clientAddress));
  fields.push("X-Forwarded-Proto", "http", "X-Forwarded-Port", String(facts.port), "X-Forwarded-Host", facts.authority);
  fields.push("X-Request-Id", facts.requestId, "X-Request-Start", String(facts.now));
  fields.push("Via", [...fieldValues(facts.raw, "via"), "1.1 paas"].join(", "));
  if (facts.body === "chunked") fields.push("Transfer-Encoding", "chunked");
  const hasLength = fieldValues(facts.raw, "content-length").length > 0;
  if (facts.body === "none" && !hasLength && !methodsWithoutBody.has(facts.method)) fields.push("Content-Length", "0");
  if (facts.expectsContinue) fields.push("Expect", "100-continue");
  if (facts.upgrade !== undefined) fields.push("Connection", "Upgrade", "Upgrade", facts.upgrade);
  return fields;
}

/** What the client said, and the client last. */
export function forwardedFor(raw: RawFields, clientAddress: string): string {
  return [...fieldValues(raw, "x-forwarded-for").filter((value) => value !== ""), clientAddress].join(", ");
}

export interface AnswerFacts {
  readonly raw: RawFields;
  readonly requestId: string;
  /** The answer's body is sent in chunks, so that it may announce trailers. */
  readonly isChunked: boolean;
  readonly closes: boolean;
}

/** The fields that the client gets. */
export function answerFields(facts: AnswerFacts): string[] {
  const fields = endToEnd(facts.raw, (name) => name === "via" || name === "x-request-id");
  fields.push("Via", [...fieldValues(facts.raw, "via"), "1.1 paas"].join(", "), "X-Request-Id", facts.requestId);
  const trailer = facts.isChunked ? fieldValues(facts.raw, "trailer") : [];
  if (trailer.length > 0) fields.push("Trailer", trailer.join(", "));
  if (facts.closes) fields.push("Connection", "close");
  return fields;
}

/** Trailers that may be passed on, as pairs: never one that decides framing, routing or authorisation. */
export function trailerPairs(raw: RawFields): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? "";
    const lower = name.toLowerCase();
    if (!trailerForbidden.has(lower) && !owned.has(lower)) pairs.push([name, raw[i + 1] ?? ""]);
  }
  return pairs;
}

const requestIdPattern = /^[A-Za-z0-9+/=-]{20,200}$/;

/** The client's own id when it has Heroku's form, else a new one. */
export function requestIdOf(raw: RawFields, create: () => string): string {
  const given = fieldValues(raw, "x-request-id");
  return given.length === 1 && given[0] !== undefined && requestIdPattern.test(given[0]) ? given[0] : create();
}
