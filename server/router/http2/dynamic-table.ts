import type { Kind } from "./field-kinds.ts";
import { kinds } from "./field-kinds.ts";

/** What an entry counts beside its bytes (RFC 7541 §4.1). */
const overhead = 32;
/** What a line of HTTP/1.1 has beside name and value. */
export const lineBytes = 4;
/** Our own limit, whatever the peer allows. */
export const maxTableBytes = 4_096;
const maxEntries = maxTableBytes / overhead;
const firstBytes = 512;

/** A field as a line of HTTP/1.1 (`name: value\r\n`), which is cheap to pass on. */
export class Entry {
  start = 0;
  nameLength = 0;
  /** Of the line. */
  length = 0;
  kind: Kind = kinds.plain;
  /** The value is none that HTTP/2 allows. */
  isBad = false;
  /** For those who look for it. */
  hash = 0;
  nameHash = 0;
}

/** The fields that one side of a connection remembers, the newest first. */
export class DynamicTable {
  /** The lines, the oldest first. */
  bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  readonly #entries: Entry[] = [];
  #newest = maxEntries - 1;
  count = 0;
  #size = 0;
  #maxSize = maxTableBytes;

  get maxSize(): number {
    return this.#maxSize;
  }

  /** 0 is the newest. */
  get(index: number): Entry | undefined {
    return index < this.count ? this.#entries[(this.#newest - index + maxEntries) % maxEntries] : undefined;
  }

  /** Index of the newest with this hash; −1 for none. */
  findLine(hash: number): number {
    for (let i = 0, at = this.#newest; i < this.count; i++, at = at === 0 ? maxEntries - 1 : at - 1) {
      if (this.#entries[at]?.hash === hash) return i;
    }
    return -1;
  }

  findName(nameHash: number): number {
    for (let i = 0, at = this.#newest; i < this.count; i++, at = at === 0 ? maxEntries - 1 : at - 1) {
      if (this.#entries[at]?.nameHash === nameHash) return i;
    }
    return -1;
  }

  resize(maxSize: number): void {
    this.#maxSize = maxSize;
    while (this.#size > maxSize) this.#evict();
  }

  /** Remembers the line in `from`; undefined when it is larger than the table, which is empty then (§4.4). */
  add(from: Buffer, start: number, nameLength: number, end: number): Entry | undefined {
    const length = end - start;
    const size = length - lineBytes + overhead;
    while (this.count > 0 && this.#size + size > this.#maxSize) this.#evict();
    if (size > this.#maxSize) return undefined;
    this.#makeRoom(length);
    from.copy(this.bytes, this.#end, start, end);
    this.#newest = (this.#newest + 1) % maxEntries;
    const entry = (this.#entries[this.#newest] ??= new Entry());
    entry.start = this.#end;
    entry.nameLength = nameLength;
    entry.length = length;
    this.#end += length;
    this.#size += size;
    this.count += 1;
    return entry;
  }

  #evict(): void {
    const oldest = this.get(this.count - 1);
    this.count -= 1;
    if (oldest !== undefined) this.#size -= oldest.length - lineBytes + overhead;
  }

  /** What is left moves to the front, of something larger where it fills more than half. */
  #makeRoom(length: number): void {
    if (this.#end + length <= this.bytes.length) return;
    const first = this.get(this.count - 1)?.start ?? this.#end;
    const used = this.#end - first;
    let room = Math.max(firstBytes, this.bytes.length);
    while (room < 2 * (used + length)) room *= 2;
    const target = room > this.bytes.length ? Buffer.allocUnsafeSlow(room) : this.bytes;
    this.bytes.copy(target, 0, first, this.#end);
    this.bytes = target;
    this.#end = used;
    for (let i = 0; i < this.count; i++) (this.get(i) as Entry).start -= first;
  }
}
