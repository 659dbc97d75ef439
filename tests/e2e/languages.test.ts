import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../server/core/ids.ts";
import { serverApp } from "../support/apps.ts";
import { openTestEngine } from "../support/engine.ts";
import { frameworkApps, word } from "../support/framework-apps.ts";
import { fixtures, TestPaas } from "../support/paas.ts";

let paas: TestPaas;
beforeAll(async () => {
  paas = await TestPaas.start();
});
afterAll(() => paas[Symbol.asyncDispose]());

test.each([
  ["node-express", "Using node", "hello"],
  ["node-build", "Using node", "hello"],
  ["vite-spa", "is a development server", "hello"],
  ["bun-hono", "Using node", "hello from bun 1."],
  ["deno-hono", "Using deno", "hello from deno 2."],
  ["python-flask", "Using python", "hello"],
  ["python-django", "Using python", "hello"],
  ["go-module", "Using go", "hello"],
  ["static-site", "", "<"],
  ["procfile-only", "", "hello"],
])("%s is detected, built, and answers", async (fixture, said, body) => {
  const app = await paas.app(fixture, fixture);
  const { output } = await app.mustPush();
  expect(output).toContain(said);
  expect((await app.body()).toLowerCase()).toContain(body);
  await paas.cli(["apps:destroy", fixture, "--confirm", fixture]);
});

/** By hand, since each takes minutes: PAAS_TEST_FRAMEWORKS=all, or next,nuxt */
const asked = (process.env["PAAS_TEST_FRAMEWORKS"] ?? "").split(",");
const frameworks = Object.entries(frameworkApps).filter(([name]) => asked.includes("all") || asked.includes(name));
const patience = 900_000;

test.each(frameworks)(
  "%s is built as its makers mean it, and again after a change of its code",
  { timeout: patience },
  async (name, { files, file, lock }) => {
    const app = await paas.app(name, files);
    if (lock !== undefined) await paas.must(lock, { cwd: app.dir, timeoutMs: patience });
    await app.commit({}, "locked");
    await paas.cli(["checks:set", "web", "-a", name, "--boot-timeout", "300"]);
    const push = async () => {
      const { output } = await paas.must(["git", "push", "paas", "main"], { cwd: app.dir, timeoutMs: patience });
      const [took] = /checkout .*/.exec(output) ?? [];
      process.stdout.write(`${name}: ${took}\n`);
      return output;
    };
    await push();
    expect(await app.body()).toContain(word);
    await app.commit({ [file]: (files[file] ?? "").replace(word, "changed") }, "code only");
    expect(await push()).toMatch(/Dependencies unchanged, reused/);
    expect(await app.body()).toContain("changed");
    await paas.cli(["apps:destroy", name, "--confirm", name]);
  },
);

test("a code-only push installs nothing again", async () => {
  const app = await paas.app("again", "node-express");
  await app.mustPush();
  const source = await readFile(path.join(fixtures, "node-express", "index.js"), "utf8");
  await app.commit({ "index.js": source.replace(/hello/i, "changed") }, "code only");
  const { output } = await app.mustPush();
  expect(output).toContain("reused");
  expect(output).not.toContain("npm ci");
  expect((await app.body()).toLowerCase()).toContain("changed");

  expect((await app.mustCli("builds:cache:purge")).output).toContain("the next build starts anew");
  await app.commit({}, "nothing new");
  const anew = await app.mustPush();
  expect(anew.output).toContain("npm ci");
  expect(anew.output).toContain("Runtime unchanged, reused");
});

test("several languages build one app when they are named", async () => {
  const app = await paas.app("both", {
    "package.json": '{"private":true,"engines":{"node":"24.x"},"scripts":{"build":"node -p 1+1 > made.txt"}}',
    "requirements.txt": "",
    "server.py": serverApp("two languages")["server.py"] ?? "",
    Procfile: "web: cat made.txt && python3 server.py\n",
  });
  await app.mustCli("buildpacks:set", "node");
  await app.mustCli("buildpacks:add", "python");
  const { output } = await app.mustPush();
  expect(output).toMatch(/Using node [^]*Using python /);
  expect(await app.body()).toBe("two languages");
});

test("a Dockerfile is built with a secret, listens where it EXPOSEs first, and is up when its HEALTHCHECK says so", async () => {
  await using engine = await openTestEngine();
  const dir = path.join(fixtures, "dockerfile-python");
  const [dockerfile, server] = await Promise.all(
    ["Dockerfile", "server.py"].map((f) => readFile(path.join(dir, f), "utf8")),
  );
  const app = await paas.app("docker", {
    // A step that has run before is not run again, whatever its secret is.
    Dockerfile: `${(dockerfile ?? "").replace("paas-test-base", engine.runImage)}
ENV NONCE=${newId()}
RUN --mount=type=secret,id=TOKEN test "$(cat /run/secrets/TOKEN)" = abc123xyz
EXPOSE 9999
HEALTHCHECK CMD test -e /tmp/asked || { touch /tmp/asked; false; }
`,
    "server.py": server ?? "",
  });
  await app.mustCli("config:set", "TOKEN=abc123xyz");
  const refused = await app.push();
  expect([refused.code, refused.output]).toEqual([
    1,
    expect.stringContaining("paas builds:dockerfile:set --secret TOKEN"),
  ]);
  await app.mustCli("builds:dockerfile:set", "--secret", "TOKEN");
  const { output } = await app.mustPush();
  expect(output).toMatch(/#1 \[.*1\/\d+\] FROM/);
  expect(output).toContain("also exposed: 9999");
  expect(await app.body()).toBe("hello from a Dockerfile");
});
