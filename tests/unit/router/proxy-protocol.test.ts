import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeProxyHeader, parseProxyHeader } from "../../../server/router/tcp/proxy-protocol.ts";

const v4 = {
  sourceAddress: "192.0.2.1",
  destinationAddress: "198.51.100.7",
  sourcePort: 56_324,
  destinationPort: 443,
};
const v6 = { ...v4, sourceAddress: "2001:db8::1", destinationAddress: "2001:db8:0:1::2" };

test.each([
  ["v1", v4],
  ["v1", v6],
  ["v2", v4],
  ["v2", v6],
] as const)("%s says %o and is understood at every cut", (version, facts) => {
  const header = encodeProxyHeader(version, facts);
  for (let length = 0; length < header.length; length++) {
    expect(parseProxyHeader(header.subarray(0, length))).toEqual({ kind: "partial" });
  }
  const rest = Buffer.concat([header, Buffer.from("GET / HTTP/1.1\r\n")]);
  expect(parseProxyHeader(rest)).toEqual({ kind: "header", length: header.length, facts });
});

test("the line of version 1 is as the specification writes it; mixed families become IPv6", () => {
  expect(encodeProxyHeader("v1", v4).toString()).toBe("PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n");
  const mixed = encodeProxyHeader("v1", { ...v4, destinationAddress: "::1" });
  expect(mixed.toString()).toBe("PROXY TCP6 ::ffff:192.0.2.1 ::1 56324 443\r\n");
});

test("a proxy that speaks for itself says nothing of a client", () => {
  expect(parseProxyHeader(Buffer.from("PROXY UNKNOWN\r\n"))).toEqual({ kind: "header", length: 15, facts: undefined });
  const local = Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex");
  expect(parseProxyHeader(local)).toEqual({ kind: "header", length: 16, facts: undefined });
});

test("extensions of version 2 are passed over", () => {
  const header = encodeProxyHeader("v2", v4);
  const longer = Buffer.concat([header, Buffer.from([0x04, 0x00, 0x01, 0x61])]);
  longer.writeUInt16BE(16, 14);
  expect(parseProxyHeader(longer)).toEqual({ kind: "header", length: longer.length, facts: v4 });
});

test.each([
  "GET / HTTP/1.1\r\n",
  "PROXY TCP4 192.0.2.1 198.51.100.7 1\r\n",
  "PROXY TCP4 192.0.2.1 198.51.100.7 70000 1\r\n",
  "PROXY TCP4 192.0.2.1 198.51.100.7 01 1\r\n",
  "PROXY TCP4 2001:db8::1 198.51.100.7 1 1\r\n",
  "PROXY TCP6 192.0.2.1 ::1 1 1\r\n",
  "PROXY TCP4 192.0.2.1 198.51.100.7 1 1 1\r\n",
  `PROXY ${"x".repeat(110)}`,
])("%j is no header", (text) => {
  expect(parseProxyHeader(Buffer.from(text))).toEqual({ kind: "invalid" });
});

test("no bytes make the parser fail or read beyond them", () => {
  const start = fc.constantFrom("", "PROXY ", "0d0a0d0a000d0a515549540a21");
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (prefix, bytes) => {
      const head = prefix.startsWith("0d") ? Buffer.from(prefix, "hex") : Buffer.from(prefix);
      const all = Buffer.concat([head, bytes]);
      const result = parseProxyHeader(all);
      return result.kind !== "header" || result.length <= all.length;
    }),
  );
});
