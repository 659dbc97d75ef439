import { expect, test } from "vitest";
import { buildpacksLines, parseReference, shown } from "../../../../server/builds/buildpack-api/reference.ts";

const builtins = ["node", "python", "go", "static", "procfile"];

test.each([
  ["node", { kind: "builtin", name: "node" }],
  ["heroku/nodejs", { kind: "builtin", name: "node" }],
  ["nodejs_buildpack", { kind: "builtin", name: "node" }],
  ["heroku/python", { kind: "builtin", name: "python" }],
  ["staticfile_buildpack", { kind: "builtin", name: "static" }],
  ["binary_buildpack", { kind: "builtin", name: "procfile" }],
  ["  heroku/go ", { kind: "builtin", name: "go" }],
  ["./buildpacks/x", { kind: "folder", path: "buildpacks/x" }],
  ["./a//./b/", { kind: "folder", path: "a/b" }],
  ["./vendor/x.tgz", { kind: "packed", path: "vendor/x.tgz" }],
  ["https://host.test/a/b", { kind: "git", url: "https://host.test/a/b", ref: undefined }],
  ["https://host.test/a/b.git#v1.2", { kind: "git", url: "https://host.test/a/b.git", ref: "v1.2" }],
  ["git@host.test:a/b.git#feature/x", { kind: "git", url: "git@host.test:a/b.git", ref: "feature/x" }],
  ["ssh://git@host.test/a/b", { kind: "git", url: "ssh://git@host.test/a/b", ref: undefined }],
  ["https://host.test/x.tgz", { kind: "archive", url: "https://host.test/x.tgz" }],
  ["https://host.test/x.zip?token=1", { kind: "archive", url: "https://host.test/x.zip?token=1" }],
  ["https://host.test/x.tar.gz", { kind: "archive", url: "https://host.test/x.tar.gz" }],
])("%s is read", (text, expected) => {
  expect(parseReference(text, builtins)).toMatchObject({ ok: true, reference: { ...expected, text: text.trim() } });
});

test.each([
  ["", "is not the address of a buildpack"],
  ["two words", "is not the address of a buildpack"],
  ["heroku/ruby", 'There is no built-in buildpack "heroku/ruby", and names of Heroku'],
  ["jontewks/puppeteer", "can only be resolved by Heroku"],
  ["cobol", 'There is no built-in buildpack "cobol".'],
  ["../x", "leads out of the repository"],
  ["./a/../../x", "leads out of the repository"],
  ["/etc", "leads out of the repository"],
  ["file:///etc", "is not an address that buildpacks can be fetched from"],
  ["ext::sh -c id", "is not the address of a buildpack"],
  ["https://-oProxyCommand=x/y", "is not an address that buildpacks can be fetched from"],
  ["https://host.test/x#--upload-pack=id", "is not a branch, a tag or a commit"],
  ["https://host.test/x#a..b", "is not a branch, a tag or a commit"],
  ["https://host.test/x#", "is not a branch, a tag or a commit"],
])("%j is refused", (text, reason) => {
  const parsed = parseReference(text, builtins);
  expect(parsed.ok ? "it was read" : parsed.reason).toContain(reason);
  expect(parsed.ok ? "" : parsed.hint).not.toBe("");
});

test("a password in an address is never shown", () => {
  expect(shown("https://user:s3cret@host.test/x")).toBe("https://host.test/x");
  const refused = parseReference("https://user:s3cret@-x/y", builtins);
  expect(JSON.stringify(refused)).not.toContain("s3cret");
});

test(".buildpacks has one buildpack a line, comments and blank lines are passed over", () => {
  expect(buildpacksLines("\uFEFF# ours\r\n\r\n./a\r\n  heroku/nodejs  \n#x\n")).toEqual([
    { line: 3, text: "./a" },
    { line: 4, text: "heroku/nodejs" },
  ]);
});
