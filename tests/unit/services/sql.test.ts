import fc from "fast-check";
import { expect, test } from "vitest";
import { quoteIdentifier, quoteLiteral } from "../../../server/services/sql.ts";

const text = fc.string({ unit: "binary" }).map((raw) => raw.replaceAll("\0", ""));
const hostile = fc.stringMatching(/^['"\\;:\-$ aE\n]*$/);

/** Reads one SQL token from the start of the text as the server's lexer does. */
function readLiteral(sql: string): { readonly value: string; readonly rest: string } {
  const escapes = sql.startsWith("E");
  let at = escapes ? 2 : 1;
  let value = "";
  for (;;) {
    const char = sql[at] ?? "";
    const pair = sql.slice(at, at + 2);
    if (char === "" || (char === "'" && pair !== "''")) return { value, rest: sql.slice(at + 1) };
    const isPair = pair === "''" || (escapes && char === "\\");
    value += isPair ? sql[at + 1] : char;
    at += isPair ? 2 : 1;
  }
}

test("a literal reads back as the text it was made from, and ends where it ends", () => {
  fc.assert(
    fc.property(fc.oneof(text, hostile), (value) => {
      expect(readLiteral(`${quoteLiteral(value)};`)).toEqual({ value, rest: ";" });
    }),
  );
});

test("an identifier has no quote that ends it early", () => {
  fc.assert(
    fc.property(fc.oneof(text, hostile), (name) => {
      const quoted = quoteIdentifier(name);
      expect(quoted.slice(1, -1).replaceAll('""', "")).not.toContain('"');
      expect(quoted.slice(1, -1).replaceAll('""', '"')).toBe(name);
    }),
  );
});

test("a NUL character is refused, as the server would cut the text there", () => {
  expect(() => quoteLiteral("a\0b")).toThrow(RangeError);
  expect(() => quoteIdentifier("a\0b")).toThrow(RangeError);
});
