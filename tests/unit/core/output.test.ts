import { expect, test } from "vitest";
import { LineOutput } from "../../../server/core/output.ts";

function collect(work: (out: LineOutput) => void): string[] {
  const lines: string[] = [];
  const out = new LineOutput((line) => lines.push(line));
  work(out);
  out.flush();
  return lines;
}

test("the push grammar", () => {
  const lines = collect((out) => {
    out.step("Building");
    out.detail("with node");
    out.problem("it failed");
    out.result("done");
  });
  expect(lines).toEqual(["-----> Building", "       with node", " !     it failed", "=====> done"]);
});

test("raw output is put into lines whatever its chunks are", () => {
  expect(collect((out) => ["a", "b\nc", "\n", "d"].forEach((chunk) => out.raw(chunk)))).toEqual([
    "       ab",
    "       c",
    "       d",
  ]);
});

test("a character that is split over two chunks stays whole", () => {
  const bytes = Buffer.from("ü\n");
  expect(collect((out) => [bytes.subarray(0, 1), bytes.subarray(1)].forEach((chunk) => out.raw(chunk)))).toEqual([
    "       ü",
  ]);
});

test("of a progress bar only the last state is kept, colours are dropped", () => {
  expect(collect((out) => out.raw("10%\r50%\r100%\n\u001b[31mred\u001b[0m\r\n"))).toEqual([
    "       100%",
    "       red",
  ]);
});

test("a step does not swallow an unfinished raw line", () => {
  const lines = collect((out) => {
    out.raw("half");
    out.step("next");
  });
  expect(lines).toEqual(["       half", "-----> next"]);
});
