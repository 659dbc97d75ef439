import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HpackDecoder } from "../../../../server/router/http2/hpack-decoder.ts";
import { decodeHuffman } from "../../../../server/router/http2/huffman.ts";
import { decode, Found } from "./hpack-fields.ts";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
const get = (path: string, scheme: string, ...more: [string, string][]) => [
  [":method", "GET"],
  [":scheme", scheme],
  [":path", path],
  [":authority", "www.example.com"],
  ...more,
];

describe("RFC 7541 appendix C", () => {
  test.each([
    ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key", "custom-header"],
    ["040c 2f73 616d 706c 652f 7061 7468", ":path", "/sample/path"],
    ["1008 7061 7373 776f 7264 0673 6563 7265 74", "password", "secret"],
    ["82", ":method", "GET"],
  ])("C.2 %s", (hex, name, value) => {
    expect(decode(new HpackDecoder(), bytes(hex))).toEqual([[name, value]]);
  });

  test.each([
    [
      "C.3 without Huffman",
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
    [
      "C.4 with Huffman",
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
  ])("%s: three requests", (_name, first, second, third) => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, bytes(first))).toEqual(get("/", "http"));
    expect(decode(decoder, bytes(second))).toEqual(get("/", "http", ["cache-control", "no-cache"]));
    expect(decode(decoder, bytes(third))).toEqual(get("/index.html", "https", ["custom-key", "custom-value"]));
  });

  test.each([
    [
      "C.5 without Huffman",
      "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "4803 3330 37c1 c0bf",
      "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ],
    [
      "C.6 with Huffman",
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      "4883 640e ffc1 c0bf",
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ],
  ])("%s: three answers, with a table of 256 bytes that evicts", (_name, ...blocks) => {
    const decoder = new HpackDecoder();
    // The appendix has the size agreed on before; here the encoder says so itself.
    const [first, ...more] = blocks;
    const found = [`3fe101 ${first}`, ...more].map((hex) => decode(decoder, bytes(hex)));
    const answer = (status: string, second: string, ...rest: [string, string][]) => [
      [":status", status],
      ["cache-control", "private"],
      ["date", `Mon, 21 Oct 2013 20:13:${second} GMT`],
      ["location", "https://www.example.com"],
      ...rest,
    ];
    const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    expect(found).toEqual([
      answer("302", "21"),
      answer("307", "21"),
      answer("200", "22", ["content-encoding", "gzip"], ["set-cookie", cookie]),
    ]);
  });
});

describe("what is broken", () => {
  test.each([
    ["an index that nothing has", "be"],
    ["index 0", "80"],
    ["a name's index that nothing has", "7e 01 61"],
    ["an integer that has no end", "ff ff ff ff ff ff ff ff ff ff 7f"],
    ["an integer that is cut off", "ff"],
    ["a string that is cut off", "40 05 61 62"],
    ["a value that is not there", "40 01 61"],
    ["a table larger than agreed", "3f e2 1f"],
    ["a new table size behind a field", "82 20"],
    ["padding of Huffman that is longer than 7 bits", "00 82 1f ff 01 61"],
    ["padding of Huffman that is not ones", "00 81 18 01 61"],
    ["EOS within a string", "00 84 ff ff ff ff 01 61"],
  ])("%s", (_name, hex) => {
    expect(decode(new HpackDecoder(), bytes(hex))).toBeUndefined();
  });

  test("any bytes end, and are read within their block", () => {
    const check = fc.property(fc.uint8Array({ maxLength: 400 }), (input) => {
      const block = Buffer.concat([Buffer.from(input), Buffer.alloc(16, 0x82)]);
      const found = new Found();
      new HpackDecoder().decode(block, 0, input.length, found);
      // Each field has a byte at least.
      expect(found.fields.length).toBeLessThanOrEqual(input.length);
    });
    fc.assert(check, { numRuns: 3_000, interruptAfterTimeLimit: 1_000 });
  });
});

test("a table that is made small is empty, and fills again", () => {
  const decoder = new HpackDecoder();
  decode(decoder, bytes("4001 6101 62"));
  expect(decode(decoder, bytes("be"))).toEqual([["a", "b"]]);
  expect(decode(decoder, bytes("20 be"))).toBeUndefined();
  expect(decode(decoder, bytes("3fe11f 4001 6301 64 be"))).toEqual([
    ["c", "d"],
    ["c", "d"],
  ]);
});

test("a name of an entry that its own field pushes out", () => {
  const decoder = new HpackDecoder();
  // A table of 70 bytes has room for one of the two.
  decode(decoder, bytes("3f27 4003 616263 0a 30313233343536373839"));
  expect(decode(decoder, bytes("7e 0a 39383736353433323130 be"))).toEqual([
    ["abc", "9876543210"],
    ["abc", "9876543210"],
  ]);
});

test.each([
  ["a control character", "0001 6101 07"],
  ["CR and LF", "0001 6103 610d0a"],
  ["NUL", "0001 6101 00"],
  ["a blank before it", "0001 6102 2061"],
  ["a blank behind it", "0001 6102 6120"],
])("a value with %s is bad, and stays so in the table", (_name, hex) => {
  const decoder = new HpackDecoder();
  const found = new Found();
  const block = Buffer.concat([Buffer.from([0x40]), bytes(hex).subarray(1), Buffer.from([0xbe])]);
  expect(decoder.decode(block, 0, block.length, found)).toBe(true);
  expect(found.bad).toBe(2);
});

test("every symbol of Huffman's code", () => {
  const out = Buffer.alloc(8);
  // Of each length one, as appendix B has it.
  const codes: readonly [number, string][] = [
    [48, "00000"],
    [32, "010100"],
    [58, "1011100"],
    [38, "11111000"],
    [33, "1111111000"],
    [39, "11111111010"],
    [35, "111111111010"],
    [0, "1111111111000"],
    [94, "11111111111100"],
    [60, "111111111111100"],
    [92, "1111111111111110000"],
    [128, "11111111111111100110"],
    [153, "111111111111111011100"],
    [129, "1111111111111111010010"],
    [1, "11111111111111111011000"],
    [9, "111111111111111111101010"],
    [199, "1111111111111111111101100"],
    [192, "11111111111111111111100000"],
    [203, "111111111111111111111011110"],
    [2, "1111111111111111111111100010"],
    [10, "111111111111111111111111111100"],
  ];
  for (const [symbol, code] of codes) {
    const bits = code.padEnd(Math.ceil(code.length / 8) * 8, "1");
    const coded = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
    expect([code, decodeHuffman(coded, 0, coded.length, out, 0), out[0]]).toEqual([code, 1, symbol]);
  }
});
