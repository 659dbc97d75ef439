import { expect, test } from "vitest";
import { parseGitlinks, parseGitmodules, shownUrl, submoduleUrl } from "../../../server/git/gitmodules.ts";
import { submodulesOf } from "../../../server/git/submodules.ts";

const commit = "a".repeat(40);

test("entries need a path and a URL; names may hold dots", () => {
  const listing = [
    "submodule.libs/a.b.path\nlibs/a.b",
    "submodule.libs/a.b.url\nhttps://example.test/a.git",
    "submodule.libs/a.b.branch\nmain",
    "submodule.half.path\nhalf",
    "",
  ].join("\0");
  expect(parseGitmodules(listing)).toEqual([{ path: "libs/a.b", url: "https://example.test/a.git" }]);
});

test("submodules are told from files in the index", () => {
  const listing = `100644 ${commit} 0\tREADME\0${"160000"} ${commit} 0\tlibs/with space\0`;
  expect(parseGitlinks(listing)).toEqual([{ path: "libs/with space", commit }]);
});

test.for([
  ["https://example.test/a.git", undefined, "https://example.test/a.git"],
  ["http://example.test/a.git", undefined, "http://example.test/a.git"],
  ["ssh://git@example.test:2222/a.git", undefined, "ssh://git@example.test:2222/a.git"],
  ["git://example.test/a.git", undefined, "git://example.test/a.git"],
  ["git@example.test:team/a.git", undefined, "git@example.test:team/a.git"],
  ["../b.git", "https://example.test/team/a.git", "https://example.test/team/b.git"],
  ["./b.git", "https://example.test/team/a.git/", "https://example.test/team/a.git/b.git"],
  ["../../x/b.git", "https://example.test/team/a.git", "https://example.test/x/b.git"],
  ["../b.git", "git@example.test:team/a.git", "git@example.test:team/b.git"],
  ["../b.git", "git@example.test:a.git", "git@example.test:b.git"],
] as const)("%s in %s is fetched from %s", ([url, parent, expected]) => {
  expect(submoduleUrl(url, parent)).toBe(expected);
});

test.for([
  "/srv/a.git",
  "a.git",
  "file:///srv/a.git",
  "ext::sh -c id",
  "fd::17",
  "https:example.test/a",
  "ssh://-oProxyCommand=id/a",
  "-oProxyCommand=id@host:a",
  "../b.git",
  "C:\\a",
  "javascript://x/",
  "user@host::ext",
  "",
])("%j is not fetched", (url) => {
  expect(submoduleUrl(url, undefined)).toBeUndefined();
});

test("a secret in a URL is not shown", () => {
  expect(shownUrl("https://user:secret@example.test/a.git")).toBe("https://example.test/a.git");
  expect(shownUrl("git@example.test:a.git")).toBe("git@example.test:a.git");
});

test("a submodule without an entry, with a URL that cannot be used, or too deep is refused by name", () => {
  const links = [{ path: "lib", commit }];
  const entry = (url: string) => `submodule.lib.path\nlib\0submodule.lib.url\n${url}\0`;
  expect(() => submodulesOf(links, "", undefined)).toThrow(expect.objectContaining({ code: "SUBMODULE_UNKNOWN" }));
  expect(() => submodulesOf(links, entry("/etc"), undefined)).toThrow(
    expect.objectContaining({ code: "SUBMODULE_URL" }),
  );
  const parent = { path: "a/b", url: "https://example.test/a.git", commit, depth: 10 };
  const deep = () => submodulesOf(links, entry("../a.git"), parent);
  expect(deep).toThrow(expect.objectContaining({ code: "SUBMODULE_TOO_DEEP", fields: { path: "a/b/lib", limit: 10 } }));
});
