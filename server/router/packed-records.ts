import type { RequestRecord } from "./protocol.ts";
import { requestLine } from "./request-line.ts";

/**
 * Request records on their way from a worker to the daemon: facts, which only the daemon makes lines of. A worker writes
 * one for each request; text would be four times as long, and most of it the same in all.
 */
export interface PackedRecords {
  readonly count: number;
  /** ms since the epoch; records count from there. */
  readonly base: number;
  /** The records, one behind the other, in words of 32 bits, little endian; base64. */
  readonly words: string;
  /** What words refer to by its place: apps, hosts, addresses. */
  readonly texts: readonly string[];
}

/** Where a record's words stand, from its first. A text that there is none of is −1. */
export const field = {
  /** Of the whole record, in words. */
  size: 0,
  /** ms after {@link PackedRecords.base}, or before it. */
  at: 1,
  status: 2,
  /** ms; −1 for none. */
  connect: 3,
  service: 4,
  /** Of the answer's body, in two words; the high one is −1 where no instance was asked. */
  bytesLow: 5,
  bytesHigh: 6,
  isSecure: 7,
  /** The client's own id; −1: a random one is in the four words that follow. */
  givenId: 8,
  id: 9,
  app: 13,
  method: 14,
  host: 15,
  forwardedFor: 16,
  dyno: 17,
  code: 18,
  tlsVersion: 19,
  /** Length of the request target, whose bytes follow. */
  target: 20,
} as const;
export const fixedWords = field.target + 1;

export const wordBytes = 4;
export const wordValues = 2 ** 32;

/** The records with the lines that the daemon keeps. */
export function unpackRecords({ count, base, words, texts }: PackedRecords): readonly RequestRecord[] {
  const bytes = Buffer.from(words, "base64");
  const records: RequestRecord[] = [];
  for (let at = 0; records.length < count && at + fixedWords * wordBytes <= bytes.length; ) {
    records.push(recordAt(bytes, at, base, texts));
    at += Math.max(fixedWords, bytes.readInt32LE(at)) * wordBytes;
  }
  return records;
}

function recordAt(bytes: Buffer, start: number, base: number, texts: readonly string[]): RequestRecord {
  const word = (index: number) => bytes.readInt32LE(start + index * wordBytes);
  const text = (index: number) => texts[word(index)];
  const ms = (index: number) => (word(index) < 0 ? undefined : word(index));
  const target = start + fixedWords * wordBytes;
  const line = requestLine({
    method: text(field.method) ?? "",
    target: bytes.toString("latin1", target, target + word(field.target)),
    host: text(field.host) ?? "",
    requestId: text(field.givenId) ?? uuid(bytes, start + field.id * wordBytes),
    forwardedFor: text(field.forwardedFor) ?? "",
    dyno: text(field.dyno),
    connectMs: ms(field.connect),
    serviceMs: ms(field.service),
    status: word(field.status),
    bytes: word(field.bytesHigh) < 0 ? undefined : word(field.bytesHigh) * wordValues + (word(field.bytesLow) >>> 0),
    code: text(field.code),
    protocol: word(field.isSecure) === 1 ? "https" : "http",
    tlsVersion: text(field.tlsVersion),
  });
  return { at: base + word(field.at), app: text(field.app) ?? "", text: line };
}

/** The four words as instances and clients saw them. */
function uuid(bytes: Buffer, at: number): string {
  const digits = [0, 1, 2, 3]
    .map((i) => (bytes.readUInt32LE(at + i * wordBytes) + wordValues).toString(16).slice(1))
    .join("");
  const ends = [8, 12, 16, 20, 32];
  return ends.map((end, i) => digits.slice(ends[i - 1] ?? 0, end)).join("-");
}
