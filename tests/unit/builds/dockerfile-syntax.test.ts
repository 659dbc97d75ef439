import { expect, test } from "vitest";
import { withoutSyntax } from "../../../server/builds/dockerfile-syntax.ts";

test.each([
  ["# syntax=docker/dockerfile:1\nFROM a\n", "# not used: syntax=docker/dockerfile:1\nFROM a\n"],
  ["# escape=`\n#syntax = x\nFROM a", "# escape=`\n# not used: syntax = x\nFROM a"],
  ["FROM a\n# syntax=x\n", "FROM a\n# syntax=x\n"],
  ["# ours\n# syntax=x\n", "# ours\n# syntax=x\n"],
])("%j is read as %j", (text, read) => {
  expect(withoutSyntax(text)).toBe(read);
});
