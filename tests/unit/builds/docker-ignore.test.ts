import { expect, test } from "vitest";
import { parseDockerIgnore } from "../../../server/builds/docker-ignore.ts";

// The cases of the reference and of moby's patternmatcher.
test.each([
  ["node_modules", "node_modules", true],
  ["node_modules", "node_modules/a/b.js", true],
  ["node_modules", "packages/a/node_modules", false],
  ["**/node_modules", "packages/a/node_modules/x", true],
  ["**/node_modules", "node_modules", true],
  ["/dist", "dist/a", true],
  ["dist/", "dist/a", true],
  ["./dist", "dist", true],
  ["*.md", "README.md", true],
  ["*.md", "docs/README.md", false],
  ["**/*.md", "docs/README.md", true],
  ["*/temp*", "somedir/temporary.txt", true],
  ["*/temp*", "a/b/temporary.txt", false],
  ["temp?", "tempa", true],
  ["temp?", "temp", false],
  ["a/**", "a/b/c", true],
  ["a/**", "a", false],
  ["a/**/b", "a/b", true],
  ["a/**/b", "a/x/y/b", true],
  ["**", "anything/at/all", true],
  ["[ab].txt", "a.txt", true],
  ["[^ab].txt", "a.txt", false],
  ["a^b", "a^b", true],
  ["[a-c].txt", "b.txt", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "axb", false],
  ["a.b", "axb", false],
  ["a+(b)", "a+(b)", true],
  ["a/../b", "b", true],
  ["# comment", "# comment", false],
  ["  spaced  ", "spaced", true],
  ["\uFEFFfirst", "first", true],
  ["Ünï", "Ünï/x", true],
])("%s and %s: ignored %s", (pattern, path, expected) => {
  expect(parseDockerIgnore(pattern).isIgnored(path)).toBe(expected);
});

test("the last rule that matches wins", () => {
  const ignore = parseDockerIgnore("*.md\n!README*.md\nREADME-secret.md");
  expect(ignore.isIgnored("OTHER.md")).toBe(true);
  expect(ignore.isIgnored("README.md")).toBe(false);
  expect(ignore.isIgnored("README-secret.md")).toBe(true);
  const other = parseDockerIgnore("*.md\nREADME-secret.md\n!README*.md");
  expect(other.isIgnored("README-secret.md")).toBe(false);
});

test("an exception brings back something below an ignored folder", () => {
  const ignore = parseDockerIgnore("*\n!src\n!package.json\nsrc/tests");
  expect(ignore.hasExceptions).toBe(true);
  expect(ignore.isIgnored("src/a/b.js")).toBe(false);
  expect(ignore.isIgnored("src/tests/a.js")).toBe(true);
  expect(ignore.isIgnored("package.json")).toBe(false);
  expect(ignore.isIgnored("other/package.json")).toBe(true);
});

test("blank lines and carriage returns mean nothing", () => {
  const ignore = parseDockerIgnore("\r\n\r\ndist\r\n\r\n");
  expect(ignore.isIgnored("dist")).toBe(true);
  expect(ignore.isIgnored("src")).toBe(false);
});

test("an exception of nothing is refused with its line", () => {
  expect(() => parseDockerIgnore("a\n!")).toThrow('.dockerignore line 2: "!" needs a pattern.');
});

test("a class that is not closed is refused with its line", () => {
  expect(() => parseDockerIgnore("[a")).toThrow('.dockerignore line 1: "[a" is not a pattern.');
});
