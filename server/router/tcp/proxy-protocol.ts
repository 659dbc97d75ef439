import { isIPv4, isIPv6 } from "node:net";

/** Who speaks at the other end, as a proxy in front says or as an instance is told. */
export interface ProxyFacts {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

export type ProxyHeader =
  /** More bytes are needed. */
  | { readonly kind: "partial" }
  | { readonly kind: "invalid" }
  /** `facts` are undefined where the proxy speaks for itself (LOCAL, UNKNOWN). */
  | { readonly kind: "header"; readonly length: number; readonly facts: ProxyFacts | undefined };

const signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const maxLineLength = 107;
/** Addresses and all extensions; longer ones are nobody's honest header. */
const maxV2Length = 2_048;

/** The header of version 1 or 2 at the beginning of a connection (the PROXY protocol's specification, 2.1 and 2.2). */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const seen = Math.min(bytes.length, signature.length);
  if (bytes.subarray(0, seen).equals(signature.subarray(0, seen))) {
    return bytes.length < 16 ? { kind: "partial" } : parseBinary(bytes);
  }
  const prefix = "PROXY ";
  const start = bytes.toString("latin1", 0, Math.min(bytes.length, prefix.length));
  if (!prefix.startsWith(start)) return { kind: "invalid" };
  const end = bytes.indexOf("\r\n");
  if (end === -1) return { kind: bytes.length < maxLineLength ? "partial" : "invalid" };
  return end + 2 > maxLineLength ? { kind: "invalid" } : parseLine(bytes.toString("latin1", 0, end), end + 2);
}

export function encodeProxyHeader(version: "v1" | "v2", facts: ProxyFacts): Buffer {
  return version === "v1" ? encodeLine(facts) : encodeBinary(facts);
}

function parseLine(line: string, length: number): ProxyHeader {
  const [, family, source = "", destination = "", ...ports] = line.split(" ");
  if (family === "UNKNOWN") return { kind: "header", length, facts: undefined };
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : () => false;
  const [sourcePort, destinationPort] = ports.map(toPort);
  if (ports.length !== 2 || !isAddress(source) || !isAddress(destination)) return { kind: "invalid" };
  if (sourcePort === undefined || destinationPort === undefined) return { kind: "invalid" };
  const facts = { sourceAddress: source, destinationAddress: destination, sourcePort, destinationPort };
  return { kind: "header", length, facts };
}

function toPort(raw: string): number | undefined {
  return /^(?:0|[1-9]\d{0,4})$/.test(raw) && Number(raw) < 65_536 ? Number(raw) : undefined;
}

function parseBinary(bytes: Buffer): ProxyHeader {
  const version = bytes[12] ?? 0;
  const family = bytes[13] ?? 0;
  const bodyLength = bytes.readUInt16BE(14);
  const length = 16 + bodyLength;
  if (version >> 4 !== 2 || (version & 15) > 1 || bodyLength > maxV2Length) return { kind: "invalid" };
  if (bytes.length < length) return { kind: "partial" };
  const isLocal = (version & 15) === 0;
  if (isLocal || family === 0) return { kind: "header", length, facts: undefined };
  const addressLength = family === 0x11 ? 4 : family === 0x21 ? 16 : 0;
  if (addressLength === 0 || bodyLength < addressLength * 2 + 4) return { kind: "invalid" };
  const at = (offset: number) => addressOf(bytes.subarray(16 + offset, 16 + offset + addressLength));
  const facts = {
    sourceAddress: at(0),
    destinationAddress: at(addressLength),
    sourcePort: bytes.readUInt16BE(16 + addressLength * 2),
    destinationPort: bytes.readUInt16BE(18 + addressLength * 2),
  };
  return { kind: "header", length, facts };
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  // In its short form, as every other part writes it.
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

function encodeLine(facts: ProxyFacts): Buffer {
  const { sourceAddress, destinationAddress, sourcePort, destinationPort } = facts;
  if (isIPv4(sourceAddress) && isIPv4(destinationAddress)) {
    return Buffer.from(`PROXY TCP4 ${sourceAddress} ${destinationAddress} ${sourcePort} ${destinationPort}\r\n`);
  }
  const [source, destination] = [sourceAddress, destinationAddress].map(mapped);
  return Buffer.from(`PROXY TCP6 ${source} ${destination} ${sourcePort} ${destinationPort}\r\n`);
}

function encodeBinary(facts: ProxyFacts): Buffer {
  const addresses = [facts.sourceAddress, facts.destinationAddress];
  const isV4 = addresses.every(isIPv4);
  const bytes = addresses.map((address) => (isV4 ? v4Bytes(address) : v6Bytes(mapped(address))));
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(facts.sourcePort, 0);
  ports.writeUInt16BE(facts.destinationPort, 2);
  const body = Buffer.concat([...bytes, ports]);
  const head = Buffer.from([0x21, isV4 ? 0x11 : 0x21, 0, body.length]);
  return Buffer.concat([signature, head, body]);
}

function mapped(address: string): string {
  return isIPv4(address) ? `::ffff:${address}` : address;
}

function v4Bytes(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

function v6Bytes(address: string): Buffer {
  const plain = new URL(`http://[${address.replace(/%.*$/, "")}]/`).hostname.slice(1, -1);
  const [left = "", right] = plain.split("::", 2);
  const groups = (part: string | undefined) => (part === undefined || part === "" ? [] : part.split(":"));
  const [head, tail] = [groups(left), groups(right)];
  const zeros = Array.from({ length: 8 - head.length - tail.length }, () => "0");
  const bytes = Buffer.alloc(16);
  [...head, ...zeros, ...tail].forEach((group, i) => bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2));
  return bytes;
}
