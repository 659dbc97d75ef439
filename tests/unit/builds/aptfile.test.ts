import { expect, test } from "vitest";
import { aptPackages, joinSystem } from "../../../server/builds/aptfile.ts";
import { memorySource } from "../../../server/builds/source-view.ts";

const namesOf = (files: Record<string, string>) => aptPackages(memorySource(files));

test("an Aptfile has names, several on a line too, comments and blank lines", () => {
  const text = "\uFEFF# images\nlibvips-dev\r\n\r\n  ffmpeg  g++ \n#x\nffmpeg\n";
  expect(namesOf({ Aptfile: text })).toEqual({ file: "Aptfile", names: ["libvips-dev", "ffmpeg", "g++"] });
  expect(namesOf({ Aptfile: "# none\n" })).toBeUndefined();
  expect(namesOf({})).toBeUndefined();
});

test("apt-packages of Dokku's plugin is read where there is no Aptfile", () => {
  expect(namesOf({ "apt-packages": "jq\n" })).toEqual({ file: "apt-packages", names: ["jq"] });
  expect(namesOf({ "apt-packages": "jq\n", Aptfile: "tree\n" })?.names).toEqual(["tree"]);
});

test.each([
  [{ Aptfile: "jq\n:repo:deb http://host.test x main\n" }, "Aptfile line 2: other repositories"],
  [{ Aptfile: "https://host.test/x.deb" }, "Aptfile line 1: a single .deb file"],
  [{ Aptfile: "./x.deb" }, "Aptfile line 1: a single .deb file"],
  [{ Aptfile: "jq # json" }, 'Aptfile line 1: "#" is not the name'],
  [{ Aptfile: "-oDpkg::Pre-Invoke=id" }, 'Aptfile line 1: "-oDpkg::Pre-Invoke=id" is not the name'],
  [{ Aptfile: "jq-" }, 'Aptfile line 1: "jq-" is not the name'],
  [{ "apt-packages": "jq", "apt-repositories": "x" }, "apt-repositories: packages can only come from Debian 13"],
])("%o is refused", (files, reason) => {
  expect(() => namesOf(files)).toThrow(reason);
});

test("two sets become one", () => {
  expect(joinSystem(undefined, undefined)).toBeUndefined();
  expect(joinSystem({ build: ["a"], run: [] }, undefined)).toEqual({ build: ["a"], run: [] });
  expect(joinSystem({ build: ["a"], run: ["b"] }, { build: [], run: ["c"] })).toEqual({
    build: ["a"],
    run: ["b", "c"],
  });
});
