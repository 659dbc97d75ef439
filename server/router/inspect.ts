import { type BodyFraming, fieldTokens, fieldValues, type RawFields } from "./headers.ts";
import { normaliseHost } from "./table.ts";

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly raw: RawFields;
}

/** A request that may be routed. */
export interface Accepted {
  readonly method: string;
  readonly host: string;
  readonly authority: string;
  /** Origin form, or `*`. */
  readonly target: string;
  readonly body: BodyFraming;
  /** Nothing can be executed twice by sending it twice. */
  readonly isReplayable: boolean;
}

export type Inspection =
  | { readonly ok: true; readonly request: Accepted }
  | { readonly ok: false; readonly status: 400 | 431 | 501 | 505; readonly cause: string };

const safeMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** What the parser lets through and a proxy must not: RFC 9112 §3.2 and §6. Never repairs. */
export function inspect(head: RequestHead, maxFields: number): Inspection {
  const { method, raw } = head;
  if (head.httpVersion !== "1.1" && head.httpVersion !== "1.0") return refuse(505, "HTTP version");
  if (raw.length / 2 > maxFields) return refuse(431, "too many headers");
  const place = locate(head);
  if (place === undefined) return refuse(400, "bad target or host");
  const host = normaliseHost(place.authority);
  if (host === undefined) return refuse(400, "bad host");
  const body = framingOf(head);
  if (typeof body !== "string") return body;
  const isReplayable = safeMethods.has(method) && body === "none";
  return { ok: true, request: { method, host, authority: place.authority, target: place.target, body, isReplayable } };
}

function refuse(status: 400 | 431 | 501 | 505, cause: string): Inspection & { ok: false } {
  return { ok: false, status, cause };
}

function locate(head: RequestHead): { readonly authority: string; readonly target: string } | undefined {
  const hosts = fieldValues(head.raw, "host");
  const [host] = hosts;
  if (hosts.length > 1 || (head.httpVersion === "1.1" && hosts.length === 0)) return undefined;
  if (head.target.startsWith("/") || (head.target === "*" && head.method === "OPTIONS")) {
    return host === undefined ? undefined : { authority: host, target: head.target };
  }
  // The host of an absolute target wins over the field (RFC 9112 §3.2.2).
  const [, authority, rest = ""] = /^https?:\/\/([^/?#@]+)([/?].*)?$/i.exec(head.target) ?? [];
  if (authority === undefined) return undefined;
  return { authority, target: rest.startsWith("/") ? rest : `/${rest}` };
}

function framingOf(head: RequestHead): BodyFraming | (Inspection & { ok: false }) {
  const codings = fieldTokens(head.raw, "transfer-encoding");
  const lengths = fieldValues(head.raw, "content-length");
  if (codings.length > 0 && lengths.length > 0) return refuse(400, "both lengths");
  if (lengths.length > 1 || lengths.some((length) => !/^\d{1,15}$/.test(length))) return refuse(400, "bad length");
  if (codings.length === 0) return lengths.length === 0 || Number(lengths[0]) === 0 ? "none" : "length";
  if (head.httpVersion === "1.0") return refuse(400, "transfer coding in HTTP/1.0");
  return codings.length === 1 && codings[0] === "chunked" ? "chunked" : refuse(501, "transfer coding");
}
