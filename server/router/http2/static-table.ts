import { Entry } from "./dynamic-table.ts";
import { kindOf } from "./field-kinds.ts";

/** RFC 7541 appendix A. */
const fields: readonly (readonly [string, string])[] = [
  [":authority", ""],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset", ""],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language", ""],
  ["accept-ranges", ""],
  ["accept", ""],
  ["access-control-allow-origin", ""],
  ["age", ""],
  ["allow", ""],
  ["authorization", ""],
  ["cache-control", ""],
  ["content-disposition", ""],
  ["content-encoding", ""],
  ["content-language", ""],
  ["content-length", ""],
  ["content-location", ""],
  ["content-range", ""],
  ["content-type", ""],
  ["cookie", ""],
  ["date", ""],
  ["etag", ""],
  ["expect", ""],
  ["expires", ""],
  ["from", ""],
  ["host", ""],
  ["if-match", ""],
  ["if-modified-since", ""],
  ["if-none-match", ""],
  ["if-range", ""],
  ["if-unmodified-since", ""],
  ["last-modified", ""],
  ["link", ""],
  ["location", ""],
  ["max-forwards", ""],
  ["proxy-authenticate", ""],
  ["proxy-authorization", ""],
  ["range", ""],
  ["referer", ""],
  ["refresh", ""],
  ["retry-after", ""],
  ["server", ""],
  ["set-cookie", ""],
  ["strict-transport-security", ""],
  ["transfer-encoding", ""],
  ["user-agent", ""],
  ["vary", ""],
  ["via", ""],
  ["www-authenticate", ""],
];

const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);

/** Their lines, one behind the other. */
export const staticBytes: Buffer = Buffer.from(lines.join(""), "latin1");
/** By index; there is no 0. */
export const staticEntries: readonly (Entry | undefined)[] = makeEntries();
export const staticCount = fields.length;

function makeEntries(): (Entry | undefined)[] {
  const entries: (Entry | undefined)[] = [undefined];
  let start = 0;
  for (const [i, [name]] of fields.entries()) {
    const entry = new Entry();
    entry.start = start;
    entry.nameLength = name.length;
    entry.length = lines[i]?.length ?? 0;
    entry.kind = kindOf(staticBytes, start, start + name.length);
    entries.push(entry);
    start += entry.length;
  }
  return entries;
}
