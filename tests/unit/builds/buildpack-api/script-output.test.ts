import fc from "fast-check";
import { expect, test } from "vitest";
import { displayName } from "../../../../server/builds/buildpack-api/chain.ts";
import { Captured, ScriptOutput } from "../../../../server/builds/buildpack-api/script-output.ts";
import { LineOutput } from "../../../../server/core/output.ts";

function shownOf(text: string, sizes: readonly number[] = []): readonly string[] {
  const lines: string[] = [];
  const out = new LineOutput((line) => lines.push(line));
  const script = new ScriptOutput(out);
  const bytes = Buffer.from(text);
  let at = 0;
  for (const size of sizes) script.push(bytes.subarray(at, (at += size)));
  script.push(bytes.subarray(at));
  script.flush();
  out.flush();
  return lines;
}

test("what is in the grammar of builds already is not indented again", () => {
  const said =
    "-----> Step\n       detail\n         deeper\n !     wrong\n\u001b[1;31m !\u001b[0m  red\nplain\n=====> done\n";
  expect(shownOf(said)).toEqual([
    "-----> Step",
    "       detail",
    "         deeper",
    " !     wrong",
    " !     red",
    "       plain",
    "=====> done",
  ]);
});

test("of a redrawn line the end is shown, and a line without an end is shown too", () => {
  expect(shownOf("10%\r20%\r30%\r\nlast")).toEqual(["       30%", "       last"]);
});

test("it makes no difference where the chunks are cut", () => {
  const line = fc.constantFrom("-----> a", "       b", " !     c", "d", "ü€😀");
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat(9)), (lines, sizes) => {
      const text = lines.map((one) => `${one}\n`).join("");
      expect(shownOf(text, sizes)).toEqual(shownOf(text));
    }),
  );
});

test("a line that never ends is shown in pieces", () => {
  const lines = shownOf("x".repeat(50_000), [20_000, 20_000]);
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.map((line) => line.trim()).join("")).toBe("x".repeat(50_000));
});

test("what is captured is cut at its limit", () => {
  const kept = new Captured(4);
  kept.push(Buffer.from("abc"));
  expect([kept.text, kept.isWhole]).toEqual(["abc", true]);
  kept.push(Buffer.from("def"));
  expect([kept.text, kept.isWhole]).toEqual(["abcd", false]);
});

test.each([
  ["Node.js\n", "Node.js"],
  ["\n\n  Two words \nand more\n", "Two words"],
  ["\u001b[32mGreen\u001b[0m\u0007", "Green"],
  ["", "./bp"],
  [" \n", "./bp"],
  ["x".repeat(100), `${"x".repeat(80)}…`],
])("the name of %j is one line", (printed, name) => {
  expect(displayName(printed, "./bp")).toBe(name);
});
