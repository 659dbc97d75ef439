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

  test("name the settings that are not known", () => {
    expect(goodPlan({ Staticfile: "root_dir: x\nenable_http2: true\n", "index.html": "" }).notes).toEqual([
      "Serving the top of the repository",
      "Staticfile: root_dir is not known and has no effect.",
      "Staticfile: enable_http2 is the router's business, not the app's.",
    ]);
  });

  test.each<readonly [string, string]>([
    ["directory: visible", "autoindex on;"],
    ["ssi: enabled", "ssi on;"],
    ["force_https: true", "http 1;"],
    ["http_strict_transport_security: true", 'add_header Strict-Transport-Security "max-age=31536000" always;'],
    [
      "http_strict_transport_security: true\nhttp_strict_transport_security_include_subdomains: true\nhttp_strict_transport_security_preload: true",
      'add_header Strict-Transport-Security "max-age=31536000; includeSubDomains; preload" always;',
    ],
    ["status_codes:\n  404: /missing.html\n  500: broken.html", 'error_page 404 "/missing.html";'],
  ])("with %j have %s", (text, line) => {
    expect(confOf({ "index.html": "" })).not.toContain(line);
    expect(confOf({ Staticfile: text, "index.html": "" })).toContain(line);
  });

  test("show their dot files only when they are asked to", () => {
    const blocked = "location ~ /\\.(?!well-known/)";
    expect(confOf({ "index.html": "" })).toContain(blocked);
    expect(confOf({ Staticfile: "host_dot_files: true", "index.html": "" })).not.toContain(blocked);
  });

  test("ask for a password when there is a Staticfile.auth", () => {
    const files = { Staticfile: "", "index.html": "", "Staticfile.auth": "ann:x" };
    expect(confOf(files)).toContain("auth_basic_user_file /app/Staticfile.auth;");
  });

  test("are described by static.json too", () => {
    const settings = {
      root: "site/",
      clean_urls: true,
      https_only: true,
      error_page: "oops.html",
      basic_auth: true,
      routes: { "/app/**": "app.html", "/*.old": "/gone.html" },
      redirects: { "/from": { url: "/to?a=$b", status: 302 }, "/x": { url: "/y", status: 999 } },
      headers: { "/**": { "X-A": 'say "hi" $you' } },
      unheard: 1,
    };
    const files = { "static.json": JSON.stringify(settings), "site/index.html": "" };
    const conf = confOf(files);
    for (const line of [
      'root "/app/site";',
      "try_files $uri $uri/ $uri.html $route =404;",
      "http 1;",
      'error_page 404 500 502 503 "/oops.html";',
      "auth_basic_user_file @AUTH_FILE@;",
      '"~^/app/.*$" "/app.html";',
      String.raw`"~^/[^/]*\\.old$" "/gone.html";`,
      'return 302 "/to?a=${dollar}b";',
      'return 301 "/y";',
      String.raw`"~^/.*$" "say \"hi\" ${"${dollar}you"}";`,
      'add_header "X-A" $header_0 always;',
    ])
      expect(conf).toContain(line);
    expect(goodPlan(files).notes).toEqual(["Serving site/", "static.json: unheard is not known and has no effect."]);
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
      "location_include: a.conf",
      "Staticfile: location_include cannot be used: pieces of nginx settings are not taken over. | Use the other keys of Staticfile, or bring nginx with a Dockerfile.",
    ],
    [
      'status_codes:\n  404: "/a; return 200"',
      'Staticfile: status_codes cannot have "404: /a; return 200". | Write a status and the path of a page, like: 404: /404.html',
    ],
    [
      "- root",
      "Staticfile cannot be read: it is not a list of KEY: VALUE. | Write lines like: root: public. An empty file is fine too.",
    ],
  ])("with %j", (text, problem) => {
    expect(refusalOf({ Staticfile: text, "index.html": "" })).toBe(problem);
  });
});

test.each<readonly [string, string]>([
  ["{", "static.json cannot be read: "],
  ["[]", "static.json is no JSON object."],
  ['{"proxies": {"/api/": {"origin": "http://x"}}}', "static.json: proxies is not supported. | Ask the other app"],
  ["{}", 'static.json: there is no folder "public_html".'],
])("a static.json like %j is refused", (text, problem) => {
  expect(refusalOf({ "static.json": text })).toContain(problem);
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
