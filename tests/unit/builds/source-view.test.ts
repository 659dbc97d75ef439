import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isAppError } from "../../../server/core/errors.ts";
import type { SourceView } from "../../../server/builds/plan.ts";
import { directorySource, memorySource, sourceBelow } from "../../../server/builds/source-view.ts";

let root = "";
beforeAll(() => {
  root = mkdtempSync(path.join(tmpdir(), "source-view-"));
  const at = (...parts: string[]): string => path.join(root, "app", ...parts);
  mkdirSync(at("lib", "deep"), { recursive: true });
  mkdirSync(at(".git"));
  writeFileSync(path.join(root, "secret"), "outside");
  writeFileSync(at("a.txt"), "a");
  writeFileSync(at("lib", "b.txt"), "b");
  writeFileSync(at("lib", "deep", "c.txt"), "c");
  writeFileSync(at("large"), Buffer.alloc(1024 * 1024 + 1, "x"));
  symlinkSync("../secret", at("leaves"));
  symlinkSync("..", at("up"));
  symlinkSync("gone", at("broken"));
  symlinkSync("lib/b.txt", at("inside"));
  symlinkSync("circle", at("circle"));
});
afterAll(() => rmSync(root, { recursive: true }));

const files = { "a.txt": "a", "lib/b.txt": "b", "lib/deep/c.txt": "c", large: "x".repeat(1024 * 1024 + 1) };
const views: readonly (readonly [string, () => SourceView])[] = [
  ["a directory", () => directorySource(path.join(root, "app"))],
  ["texts in memory", () => memorySource(files)],
];

describe.each(views)("a view of %s", (_name, open) => {
  test("reads files and knows folders", () => {
    const source = open();
    expect([
      source.read("a.txt"),
      source.read("./lib//deep/../b.txt"),
      source.read("lib"),
      source.read("none"),
    ]).toEqual(["a", "b", undefined, undefined]);
    expect([source.has("lib"), source.has("lib/deep/"), source.has("lib/deep/c.txt"), source.has("li")]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  test("lists names, sorted, folders with a slash", () => {
    expect(open().list("")).toEqual(expect.arrayContaining(["a.txt", "large", "lib/"]));
    expect(open().list("lib")).toEqual(["b.txt", "deep/"]);
    expect(open().list("lib/")).toEqual(["b.txt", "deep/"]);
    expect(open().list("none")).toEqual([]);
    expect(open().list("a.txt")).toEqual([]);
  });

  test.each(["../secret", "lib/../../secret", "/etc/passwd", "..", "a.txt\0"])("has nothing at %j", (outside) => {
    expect([open().has(outside), open().read(outside), open().list(outside)]).toEqual([false, undefined, []]);
  });

  test("refuses to read more than 1 MiB", () => {
    let thrown: unknown;
    try {
      open().read("large");
    } catch (err) {
      thrown = err;
    }
    expect(isAppError(thrown, "INPUT_INVALID") && thrown.message).toBe("large is larger than 1 MiB.");
  });

  test("shows a folder of it as a view of its own", () => {
    const below = sourceBelow(open(), "lib/");
    expect([below.read("b.txt"), below.list(""), below.has("../a.txt"), below.list("deep")]).toEqual([
      "b",
      ["b.txt", "deep/"],
      false,
      ["c.txt"],
    ]);
  });
});

test("a symbolic link that leaves the folder, is broken or runs in a circle is not there", () => {
  const source = directorySource(path.join(root, "app"));
  expect(source.list("")).toEqual(["a.txt", "inside", "large", "lib/"]);
  for (const link of ["leaves", "up", "up/secret", "broken", "circle"]) expect(source.has(link)).toBe(false);
  expect(source.read("leaves")).toBeUndefined();
  expect(source.read("inside")).toBe("b");
});
