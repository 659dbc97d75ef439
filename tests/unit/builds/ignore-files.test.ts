import { expect, test } from "vitest";
import { isEnvFile, namesIn, setCommand } from "../../../server/builds/source/env-files.ts";
import { parseProjectToml } from "../../../server/builds/source/project-toml.ts";
import { parseRoot } from "../../../server/builds/source/root.ts";
import { parseSlugIgnore } from "../../../server/builds/source/slug-ignore.ts";
import { AppError } from "../../../server/core/errors.ts";

const ignore = parseSlugIgnore("# notes\n*.psd\n/test\ndocs/\nspec/fixtures\n!kept.psd\n[\n");

test.each([
  ["a.psd", false, true],
  ["deep/down/a.psd", false, true],
  ["test", true, true],
  ["test/x.js", false, true],
  ["src/test", true, false],
  ["docs", true, true],
  ["a/docs", true, true],
  ["docs", false, false],
  ["spec/fixtures", true, true],
  ["a/spec/fixtures", true, false],
  ["kept.psd", false, true],
  ["server.js", false, false],
])(".slugignore: %s (folder: %s) goes: %s", (path, isFolder, goes) => {
  expect(ignore.isIgnored(path, isFolder)).toBe(goes);
});

test("lines of a .slugignore that mean nothing are told", () => {
  expect(ignore.notes).toEqual([
    '.slugignore line 6: "!kept.psd" is passed over; it is no pattern that can be read',
    '.slugignore line 7: "[" is passed over; it is no pattern that can be read',
  ]);
});

test.each([
  [".env", true],
  [".env.local", true],
  [".env.production", true],
  [".env.example", false],
  [".env.production.sample", false],
  [".env.template", false],
  [".envrc", false],
  ["prod.env", false],
  ["env", false],
])("%s is an env file: %s", (name, is) => {
  expect(isEnvFile(name)).toBe(is);
});

test("the names in an env file are what there is to set", () => {
  const names = namesIn("# c\nA=1\nexport B_2 = x\n\nA=2\nnot a line\n  C='x=y'\n");
  expect(names).toEqual(["A", "B_2", "C"]);
  expect(setCommand(names, "shop")).toBe("paas config:set A=… B_2=… C=… -a shop");
  expect(setCommand([], "shop")).toBe("paas config:set NAME=… -a shop");
});

test.each([
  ["apps/web", "apps/web"],
  ["./apps//web/", "apps/web"],
  [".", ""],
  ["", ""],
  ["a/../b", "b"],
])("the folder %j is %j", (raw, root) => {
  expect(parseRoot(raw)).toBe(root);
});

test.each(["..", "../x", "/etc", "a/../../b", "a\0b", "a\\b"])("the folder %j is refused", (raw) => {
  expect(() => parseRoot(raw)).toThrow(AppError);
});

test("a project.toml of either version", () => {
  const v2 =
    '[_]\nschema-version = "0.2"\n[io.buildpacks]\nexclude = ["/docs"]\n[[io.buildpacks.build.env]]\nname = "A"\nvalue = "1"\n[io.paas]\nroot = "apps/web"\n';
  expect(parseProjectToml(v2)).toEqual({
    root: "apps/web",
    buildEnv: { A: "1" },
    exclude: ["/docs"],
    include: undefined,
    notes: [],
  });
  const v1 = '[project]\nid = "x"\n[build]\ninclude = ["src"]\n[[build.buildpacks]]\nid = "x"\n';
  expect(parseProjectToml(v1)).toMatchObject({
    include: ["src"],
    notes: ["project.toml: its buildpacks are Cloud Native Buildpacks, which do not run here; they are passed over"],
  });
});

test.each([
  ["[build\n", "project.toml, line 1: "],
  ['[build]\nexclude = "x"\n', "project.toml, build.exclude: "],
  ['[build]\nexclude = ["x"]\ninclude = ["y"]\n', "project.toml, include: include and exclude may not both be there"],
])("a project.toml is refused: %j", (text, problem) => {
  expect(() => parseProjectToml(text)).toThrow(problem);
});
