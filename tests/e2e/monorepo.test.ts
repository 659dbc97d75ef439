import { afterAll, beforeAll, expect, test } from "vitest";
import { serverApp } from "../support/apps.ts";
import { mustSucceed, TestPaas, type TestApp } from "../support/paas.ts";

let paas: TestPaas;
let site: TestApp;

/** A server whose text comes from a folder beside its own. */
const server = (name: string) =>
  `import os, sys\nsys.path.insert(0, os.path.join(os.getcwd(), "..", "..", "shared"))\nimport words\n${(
    serverApp("TEXT")["server.py"] ?? ""
  ).replace('TEXT = "TEXT"', `TEXT = words.greeting + " ${name} " + os.getcwd()`)}`;

beforeAll(async () => {
  paas = await TestPaas.start();
  site = await paas.app("site", {
    "shared/words.py": 'greeting = "hello"\n',
    "apps/web/Procfile": "web: python3 server.py\n",
    "apps/web/server.py": server("web"),
    "apps/web/app.json": '{"env": {"WHO": "web"}}',
    "apps/web/requirements.txt": "# none\n",
    "apps/api/Procfile": "web: python3 server.py\n",
    "apps/api/server.py": server("api"),
    "README.md": "x",
  });
});
afterAll(() => paas[Symbol.asyncDispose]());

test("an app in a folder of its repository sees the files beside it", async () => {
  const lost = await site.push();
  expect(lost.code).toBe(1);
  await site.mustCli("builds:set", "--path", "apps/web/");
  const { output } = await site.mustPush();
  expect(output).toContain("The app is in apps/web/ (set with builds:set --path)");
  expect(await site.body()).toBe("hello web /app/apps/web");
  expect(await site.body("/env/WHO")).toBe("web");
  expect((await site.mustCli("run", "pwd; ls ../..")).stdout).toMatch(
    /^\/app\/apps\/web\s+README.md\s+apps\s+shared\s*$/,
  );
});

test("several apps come from one repository", async () => {
  mustSucceed(await paas.cli(["apps:create", "api", "--no-remote"], { cwd: paas.dir }));
  mustSucceed(await paas.cli(["builder:set", "build-dir", "apps/api", "-a", "api"]));
  const url = (await site.git("remote", "get-url", "paas")).stdout.trim().replace(/site(\.git)?$/, "api.git");
  mustSucceed(await site.git("push", url, "main"));
  expect((await paas.request("api.paas.test")).body).toBe("hello api /app/apps/api");
  expect(await site.body()).toBe("hello web /app/apps/web");
});

test("a folder that is not there is refused with those that are", async () => {
  await site.mustCli("builds:set", "--path", "apps/wbe");
  await site.commit({ "note.txt": "1" }, "again");
  const { code, output } = await site.push();
  expect(code).toBe(1);
  expect(output).toContain('There is no folder "apps/wbe" in the repository (set with builds:set --path).');
  expect(output).toContain("Folders there: apps, shared.");
  expect((await site.cli("builds:set", "--path", "../x")).output).toContain('"../x" is not a folder of a repository.');
});

test("a member of a Node workspace is installed at the top, with its neighbours, and starts in its folder", async () => {
  const shop = await paas.app("shop", {
    "package.json": '{"private": true, "workspaces": ["packages/*", "apps/*"], "engines": {"node": "24.x"}}',
    "packages/words/package.json": '{"name": "words", "version": "1.0.0", "main": "index.js"}',
    "packages/words/index.js": 'module.exports = "hello";\n',
    "apps/site/package.json":
      '{"name": "site", "version": "1.0.0", "scripts": {"start": "node server.js"}, "dependencies": {"words": "*"}}',
    "apps/site/server.js":
      'require("node:http").createServer((q, a) => a.end(`${require("words")} ${process.cwd()}`)).listen(process.env.PORT);\n',
    "app.json": '{"root": "apps/site"}',
    ".gitignore": "node_modules\n",
  });
  await paas.must(["npm", "install", "--package-lock-only", "--no-audit", "--no-fund"], { cwd: shop.dir });
  await shop.commit({}, "lock");
  const { output } = await shop.mustPush();
  expect(output).toContain("apps/site is part of a workspace: it is installed and built at the top of the repository");
  expect(await shop.body()).toBe("hello /app/apps/site");
});
