import { describe, expect, test } from "vitest";
import { go } from "../../../buildpacks/go/plan.ts";
import { node } from "../../../buildpacks/node/plan.ts";
import { procfile } from "../../../buildpacks/procfile/plan.ts";
import { staticPages } from "../../../buildpacks/static/plan.ts";
import { memorySource } from "../../../server/builds/source-view.ts";
import { available, type Files, goodPlan, refusalOf } from "./planning.ts";

function confOf(files: Files): string {
  return goodPlan(files).layers[0]?.commands[0]?.argv.at(-1) ?? "";
}

describe("static files", () => {
  test.each<readonly [Files, string]>([
    [{ "index.html": "" }, "/app"],
    [{ "public/index.html": "" }, "/app/public"],
    [{ "dist/index.html": "" }, "/app/dist"],
    [{ Staticfile: "", "a.html": "" }, "/app"],
    [{ Staticfile: "root: ./site/out/\n", "site/out/a.html": "" }, "/app/site/out"],
    [{ Staticfile: "\uFEFFroot: my pages\r\n", "my pages/a.html": "" }, "/app/my pages"],
  ])("of %j are served from %s", (files, root) => {
    expect(confOf(files)).toContain(`root "${root}";`);
  });

  test("are served by a script that stays in the foreground, with the port filled in at start", () => {
    const plan = goodPlan({ "index.html": "" });
    expect([plan.processes, plan.layers[0]?.keep, plan.build]).toEqual([
      [{ type: "web", command: "/opt/static/serve" }],
      ["/opt/static"],
      undefined,
    ]);
    expect(confOf({ "index.html": "" })).toMatch(/^daemon off;[\s\S]*listen @PORT@;/);
  });

  test("have a page of their own for what is not found", () => {
    expect(confOf({ "index.html": "" })).not.toContain("error_page");
    expect(confOf({ "public/index.html": "", "public/404.html": "" })).toContain("error_page 404 /404.html;");
  });

  test("fall back to index.html for a single-page app", () => {
    expect(confOf({ Staticfile: "pushstate: enabled\n", "index.html": "" })).toContain(
      "try_files $uri $uri/ /index.html;",
    );
    expect(confOf({ "index.html": "" })).toContain("try_files $uri $uri/ =404;");
  });

  test("name the settings that have no effect", () => {
    expect(goodPlan({ Staticfile: "directory: visible\n", "index.html": "" }).notes).toEqual([
      "Serving the top of the repository",
      "Staticfile: directory is not supported yet and has no effect.",
    ]);
  });
});

describe("static files are refused", () => {
  const cannot = (root: string): string =>
    `Staticfile: root "${root}" cannot be used. | Name a folder of the repository, like: root: public`;
  test.each<readonly [string, string]>([
    ["root: ../..", cannot("../..")],
    ["root: a/../../b", cannot("a/../../b")],
    ["root: /etc", cannot("/etc")],
    ["root: 'x\"; alias /;#'", cannot('x"; alias /;#')],
    ["root: [a]", cannot('["a"]')],
    [
      "root: build",
      'Staticfile: there is no folder "build". | Commit the folder that is to be served, or correct root in Staticfile.',
    ],
    [
      "- root",
      "Staticfile cannot be read: it is not a list of KEY: VALUE. | Write lines like: root: public. An empty file is fine too.",
    ],
  ])("with %j", (text, problem) => {
    expect(refusalOf({ Staticfile: text, "index.html": "" })).toBe(problem);
  });
});

test("a buildpack that was chosen by hand says what it misses", () => {
  const empty = memorySource({ "README.md": "" });
  const reasons = [node, go, staticPages, procfile].map((b) => b.plan(empty, available));
  expect(reasons.map((r) => (r.ok ? "" : `${r.reason} ${r.hint}`))).toEqual([
    "There is no package.json. Make one with: npm init. Commit it and push again.",
    "There is no go.mod. Make one with: go mod init NAME && go mod tidy. Commit it and push again.",
    "There is no index.html. Commit index.html, public/index.html or dist/index.html, or a Staticfile with root: FOLDER.",
    "There is no Procfile. Commit one with a line like: web: ./server",
  ]);
});
