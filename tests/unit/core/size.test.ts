import { expect, test } from "vitest";
import { formatBytes, parseSize, sizeFlag } from "../../../server/core/size.ts";

const mib = 1024 ** 2;

test.each([
  ["512", 512 * mib],
  ["512M", 512 * mib],
  ["1.5g", 1536 * mib],
  ["2GiB", 2048 * mib],
  ["64kb", 65_536],
  ["0", undefined],
  ["-1G", undefined],
  ["1 G", undefined],
  ["lots", undefined],
])("%s is %s bytes", (raw, bytes) => {
  expect(parseSize(raw)).toBe(bytes);
});

test.each([
  [0, "0 MB"],
  [300_000, "0.3 MB"],
  [512 * mib, "512 MB"],
  [1024 * mib, "1 GB"],
  [1536 * mib, "1.5 GB"],
  [252 * 1024 * mib, "252 GB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test("a flag is read back as what it was made from", () => {
  for (const bytes of [mib, 100 * mib, 2048 * mib, 2560 * mib]) expect(parseSize(sizeFlag(bytes))).toBe(bytes);
});
