import { isName, put, putText, token } from "../http1/bytes.ts";
import { DynamicTable, type Entry, lineBytes, maxTableBytes } from "./dynamic-table.ts";
import { connectionFields } from "./field-lines.ts";
import { staticBytes, staticCount, staticEntries } from "./static-table.ts";

const policies = { repeats: 0, changes: 1, secret: 2, dropped: 3 } as const;
type Policy = (typeof policies)[keyof typeof policies];

/** A name that is known without looking at a table. */
interface KnownName {
  readonly name: Uint8Array;
  /** 0 for none. */
  readonly index: number;
  readonly policy: Policy;
}

/** Another value nearly each time: to remember them would push out what comes again. */
const changing = ["age", "content-length", "content-range", "date", "etag", "expires", "last-modified", "location"];
/** No table keeps these, here or at any proxy behind (RFC 7541 §7.1.3). */
const secret = ["set-cookie", "authorization", "cookie", "proxy-authorization"];
const hashStart = 0x811c9dc5 | 0;
const known = knownNames();
const statusIndex = 8;
const statusByCode = new Map([200, 204, 206, 304, 400, 404, 500].map((code, i) => [code, statusIndex + i]));
/** Of lines that were said before, by any connection: what is seen a second time is worth remembering. */
const seen = new Int32Array(1_024);
const indexed = 0x80;
const withIndexing = 0x40;
const withoutIndexing = 0;
const neverIndexed = 0x10;
const smallBytes = 64;

/** Room for a block of so many bytes of field lines, and what the router adds itself. */
export function roomForBlock(lines: number): number {
  return lines + (lines >> 2) + maxTableBytes / 4 + 512;
}

/** The encoding half of HPACK (RFC 7541) for one connection. Strings are not Huffman-coded: what repeats is indexed. */
export class HpackEncoder {
  readonly #table = new DynamicTable();
  /** The smallest size that the peer has not been told of. */
  #owedSize = -1;

  /** What the peer's decoder keeps at most. */
  limit(bytes: number): void {
    const size = Math.min(bytes, maxTableBytes);
    if (size === this.#table.maxSize && this.#owedSize === -1) return;
    this.#owedSize = this.#owedSize === -1 ? size : Math.min(this.#owedSize, size);
    this.#table.resize(size);
  }

  /** Begins the block of an answer. */
  status(code: number, out: Buffer, at: number): number {
    const o = this.begin(out, at);
    const index = statusByCode.get(code);
    if (index !== undefined) return putInteger(out, o, indexed, 127, index);
    const end = putInteger(out, o, withoutIndexing, 15, statusIndex);
    out[end] = 3;
    return putText(out, end + 1, String(code));
  }

  /** Begins a block without one: trailers. */
  begin(out: Buffer, at: number): number {
    if (this.#owedSize === -1) return at;
    let o = at;
    const { maxSize } = this.#table;
    if (this.#owedSize < maxSize) o = putInteger(out, o, 0x20, 31, this.#owedSize);
    this.#owedSize = -1;
    return putInteger(out, o, 0x20, 31, maxSize);
  }

  /** Encodes field lines of HTTP/1.1. Those that HTTP/2 does not have are left out. */
  lines(from: Buffer, start: number, end: number, out: Buffer, at: number): number {
    let o = at;
    let p = start;
    while (p < end) {
      const name = p;
      let hash = hashStart;
      let byte = 0;
      let lower = 0;
      while (p < end && (lower = token[(byte = from[p] as number)] as number) !== 0) {
        hash = Math.imul(hash ^ lower, 0x01000193);
        p += 1;
      }
      const nameEnd = p;
      const nameHash = hash;
      if (byte === 58) p += 1;
      while (p < end && isBlank(from[p])) p += 1;
      const value = p;
      while (p < end && (byte = from[p] as number) !== 13) {
        hash = Math.imul(hash ^ byte, 0x01000193);
        p += 1;
      }
      let valueEnd = p;
      while (valueEnd > value && isBlank(from[valueEnd - 1])) valueEnd -= 1;
      p += 2;
      // Without a colon there it is no field.
      if (nameEnd > name && value > nameEnd)
        o = this.#field(from, name, nameEnd, value, valueEnd, nameHash, hash, out, o);
    }
    return o;
  }

  #field(
    from: Buffer,
    name: number,
    nameEnd: number,
    value: number,
    valueEnd: number,
    nameHash: number,
    hash: number,
    out: Buffer,
    at: number,
  ): number {
    const index = this.#table.findLine(hash);
    if (index !== -1 && this.#isSame(this.#table.get(index), from, name, nameEnd, value, valueEnd)) {
      return putInteger(out, at, indexed, 127, index + staticCount + 1);
    }
    const info = knownAs(from, name, nameEnd, nameHash);
    const policy = info?.policy ?? policies.repeats;
    if (policy === policies.dropped) return at;
    const nameIndex =
      info !== undefined && info.index > 0 ? info.index : this.#nameIndex(from, name, nameEnd, nameHash);
    const isKept = this.#isWorthKeeping(policy, nameIndex, hash, valueEnd - name);
    let o: number;
    if (isKept) o = putInteger(out, at, withIndexing, 63, nameIndex);
    else o = putInteger(out, at, policy === policies.secret ? neverIndexed : withoutIndexing, 15, nameIndex);
    if (nameIndex === 0) {
      o = putInteger(out, o, 0, 127, nameEnd - name);
      for (let i = name; i < nameEnd; i++) out[o++] = token[from[i] as number] as number;
    }
    o = putInteger(out, o, 0, 127, valueEnd - value);
    o = copy(from, value, valueEnd, out, o);
    if (isKept) this.#keep(from, name, nameEnd, value, valueEnd, nameHash, hash, out, o);
    return o;
  }

  #isWorthKeeping(policy: Policy, nameIndex: number, hash: number, length: number): boolean {
    if (policy !== policies.repeats || length > this.#table.maxSize / 4) return false;
    const place = hash & (seen.length - 1);
    const isRepeated = seen[place] === hash;
    seen[place] = hash;
    // A name of its own is worth it too.
    return isRepeated || nameIndex === 0;
  }

  /** The line is put together behind what was written. */
  #keep(
    from: Buffer,
    name: number,
    nameEnd: number,
    value: number,
    valueEnd: number,
    nameHash: number,
    hash: number,
    scratch: Buffer,
    at: number,
  ): void {
    let o = at;
    for (let i = name; i < nameEnd; i++) scratch[o++] = token[from[i] as number] as number;
    scratch[o] = 58;
    scratch[o + 1] = 32;
    o = copy(from, value, valueEnd, scratch, o + 2);
    const entry = this.#table.add(scratch, at, nameEnd - name, o + 2);
    if (entry === undefined) return;
    entry.hash = hash;
    entry.nameHash = nameHash;
  }

  #nameIndex(from: Buffer, name: number, nameEnd: number, nameHash: number): number {
    const index = this.#table.findName(nameHash);
    const entry = index === -1 ? undefined : this.#table.get(index);
    if (entry === undefined || entry.nameLength !== nameEnd - name) return 0;
    const { bytes } = this.#table;
    for (let i = 0; i < entry.nameLength; i++) {
      if (token[from[name + i] as number] !== bytes[entry.start + i]) return 0;
    }
    return index + staticCount + 1;
  }

  #isSame(
    entry: Entry | undefined,
    from: Buffer,
    name: number,
    nameEnd: number,
    value: number,
    valueEnd: number,
  ): boolean {
    if (entry === undefined || entry.nameLength !== nameEnd - name) return false;
    const valueLength = entry.length - entry.nameLength - lineBytes;
    if (valueLength !== valueEnd - value) return false;
    const { bytes } = this.#table;
    for (let i = 0; i < entry.nameLength; i++) {
      if (token[from[name + i] as number] !== bytes[entry.start + i]) return false;
    }
    const start = entry.start + entry.nameLength + 2;
    for (let i = 0; i < valueLength; i++) if (from[value + i] !== bytes[start + i]) return false;
    return true;
  }
}

function knownAs(from: Buffer, name: number, nameEnd: number, nameHash: number): KnownName | undefined {
  const found = known.get(nameHash);
  return found !== undefined && found.name.length === nameEnd - name && isName(from, name, found.name)
    ? found
    : undefined;
}

function copy(from: Buffer, start: number, end: number, out: Buffer, at: number): number {
  let o = at;
  if (end - start < smallBytes) for (let i = start; i < end; i++) out[o++] = from[i] as number;
  else o += from.copy(out, at, start, end);
  return o;
}

/** RFC 7541 §5.1; `first` is what the byte has beside the prefix. */
function putInteger(out: Buffer, at: number, first: number, mask: number, value: number): number {
  if (value < mask) {
    out[at] = first | value;
    return at + 1;
  }
  out[at] = first | mask;
  let o = at + 1;
  let rest = value - mask;
  for (; rest >= 128; rest >>>= 7) out[o++] = (rest & 127) | 128;
  out[o++] = rest;
  return o;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}

function hashOf(name: Uint8Array): number {
  return name.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), hashStart);
}

function knownNames(): ReadonlyMap<number, KnownName> {
  const names = new Map<number, KnownName>();
  const add = (name: Uint8Array, index: number, policy: Policy) => {
    const hash = hashOf(name);
    if (!names.has(hash)) names.set(hash, { name, index, policy });
  };
  for (const name of connectionFields) add(Buffer.from(name), 0, policies.dropped);
  for (let index = 1; index <= staticCount; index++) {
    const { start, nameLength } = staticEntries[index] as Entry;
    const name = Buffer.alloc(nameLength);
    put(name, 0, staticBytes.subarray(start, start + nameLength));
    const text = name.toString("latin1");
    const isChanging = changing.includes(text);
    const ofAnother = isChanging ? policies.changes : policies.repeats;
    add(name, index, secret.includes(text) ? policies.secret : ofAnother);
  }
  return names;
}
