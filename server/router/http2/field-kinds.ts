import { token } from "../http1/bytes.ts";

/** What a field of a request is to the router. */
export const kinds = {
  plain: 0,
  method: 1,
  path: 2,
  scheme: 3,
  authority: 4,
  cookie: 5,
  host: 6,
  te: 7,
  contentLength: 8,
  /** Goes no further. */
  dropped: 9,
  /** A pseudo field that no request has, a field of one connection (RFC 9113 §8.2.2), a name that is none. */
  forbidden: 10,
} as const;
export type Kind = (typeof kinds)[keyof typeof kinds];

const byName: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [":method", kinds.method],
  [":path", kinds.path],
  [":scheme", kinds.scheme],
  [":authority", kinds.authority],
  ["cookie", kinds.cookie],
  ["host", kinds.host],
  ["te", kinds.te],
  ["content-length", kinds.contentLength],
  ["http2-settings", kinds.dropped],
  ["connection", kinds.forbidden],
  ["keep-alive", kinds.forbidden],
  ["proxy-connection", kinds.forbidden],
  ["transfer-encoding", kinds.forbidden],
  ["upgrade", kinds.forbidden],
]);
const lengths = new Set([...byName.keys()].map((name) => name.length));
const longest = Math.max(...lengths);

/** Of the name between `start` and `end`. Upper case is refused (§8.2.1). */
export function kindOf(buf: Buffer, start: number, end: number): Kind {
  const length = end - start;
  if (length === 0) return kinds.forbidden;
  const isPseudo = buf[start] === 58;
  for (let i = isPseudo ? start + 1 : start; i < end; i++) {
    const byte = buf[i] as number;
    if (token[byte] !== byte) return kinds.forbidden;
  }
  const known = length <= longest && lengths.has(length) ? byName.get(buf.toString("latin1", start, end)) : undefined;
  return known ?? (isPseudo ? kinds.forbidden : kinds.plain);
}
