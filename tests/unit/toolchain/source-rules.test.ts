import { describe, expect, test } from "vitest";
import { maxLines, problemsOf } from "../../support/source-rules.ts";

describe("the rules for source files", () => {
  test("a file may have 500 lines and no more", () => {
    expect(problemsOf("a.ts", "x\n".repeat(maxLines))).toEqual([]);
    expect(problemsOf("a.ts", "x\n".repeat(maxLines + 1))).toEqual(["a.ts: 501 lines, 500 are allowed"]);
  });

  test.each([
    "const a: any = 1;",
    "const a = b as any;",
    "function f(a: string, b: any) {}",
    "type A = Map<string, any>;",
    "type A = string | any;",
    "type A = () => any;",
    "// @ts-ignore",
    "// @ts-expect-error later",
    "// oxlint-disable-next-line no-console",
    "test.skip(name, () => {});",
    "describe.only(name, () => {});",
    "it.todo(name);",
  ])("refuses %s", (line) => {
    expect(problemsOf("a.ts", `const ok = 1;\n${line}\n`)).toEqual([expect.stringMatching(/^a\.ts:2: /)]);
  });

  test.each([
    "// whether any of them is up",
    "AbortSignal.any([a, b]);",
    "Promise.any(all);",
    'const a = "as any";',
    "const a = { any: 1 };",
    "test.each(rows)(name, () => {});",
  ])("accepts %s", (line) => {
    expect(problemsOf("a.ts", line)).toEqual([]);
  });
});
