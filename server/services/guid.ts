import { createHash } from "node:crypto";

/** The namespace of this platform's name-based UUIDs. */
const namespace = Buffer.from("6f0f2f6c1d1b4b0e9d3c7a5a8b2e4c10", "hex");

/** A UUID (version 5, RFC 9562) that is always the same for one kind and id. */
export function stableGuid(kind: string, id: string): string {
  const hash = createHash("sha1").update(namespace).update(`${kind}:${id}`).digest().subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
