import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCommand, parseRepositoryPath } from "../../../server/git/command.ts";
import { quoted } from "../../../server/git/decide.ts";
import { splitWords } from "../../../server/git/shell-words.ts";

test.for([
  ["ps -a shop", ["ps", "-a", "shop"]],
  ["  ps\t-a \n shop ", ["ps", "-a", "shop"]],
  ["run 'echo \"hi\" $X'", ["run", 'echo "hi" $X']],
  ['run "a \\"b\\" \\$c \\d"', ["run", 'a "b" $c \\d']],
  ["a\\ b c\\\\d", ["a b", "c\\d"]],
  ["con'cat'\"enated\"", ["concatenated"]],
  ["a '' b", ["a", "", "b"]],
  ["a; b | c && d > e # f $(g) `h`", ["a;", "b", "|", "c", "&&", "d", ">", "e", "#", "f", "$(g)", "`h`"]],
  ["one\\\ntwo", ["onetwo"]],
  ["", []],
] as const)("%j is split into %j", ([line, words]) => {
  expect(splitWords(line)).toEqual(words);
});

test.for(["run 'open", 'run "open', 'run "open\\"', "run \\"])("%j is refused", (line) => {
  expect(() => splitWords(line)).toThrow(expect.objectContaining({ code: "COMMAND_INVALID" }));
});

test("what was quoted comes back as it was", () => {
  const anyWords = fc.array(fc.string({ unit: "binary" }));
  fc.assert(
    fc.property(anyWords, (words) => {
      expect(splitWords(words.map(quoted).join(" "))).toEqual(words);
    }),
  );
});

test.for([
  ["git-receive-pack 'shop.git'", "receive-pack"],
  ["git receive-pack '/shop'", "receive-pack"],
  ['git-receive-pack "/shop.git/"', "receive-pack"],
  ["git-receive-pack '~/shop.git'", "receive-pack"],
  ["git-upload-pack 'shop.git'", "upload-pack"],
  ["git upload-pack --strict shop", "upload-pack"],
])("%s is git's %s of app shop", ([line = "", service]) => {
  expect(parseCommand(line)).toEqual({ kind: "git", service, appName: "shop" });
});

test.for(["git-receive-pack 'a/b.git'", "git-receive-pack", "git-receive-pack '../..'", "git-receive-pack ''"])(
  "%s is refused",
  (line) => {
    expect(() => parseCommand(line)).toThrow(expect.objectContaining({ code: "REPOSITORY_PATH_INVALID" }));
  },
);

test("anything else is a verb", () => {
  expect(parseCommand("git:remote -a shop")).toEqual({ kind: "verb", argv: ["git:remote", "-a", "shop"] });
  expect(parseCommand("git")).toEqual({ kind: "verb", argv: ["git"] });
  expect(parseCommand("git-upload-archive shop")).toEqual({ kind: "verb", argv: ["git-upload-archive", "shop"] });
});

test("git lfs is refused by name", () => {
  expect(() => parseCommand("git-lfs-authenticate shop.git upload")).toThrow(
    expect.objectContaining({ code: "LFS_UNSUPPORTED" }),
  );
});

test("a repository's path never has a folder in it", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", ".", "/", "~", "g", "i", "t") }), (path) => {
      try {
        return !parseRepositoryPath(path).includes("/");
      } catch {
        return true;
      }
    }),
  );
});
