import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestEngine } from "../support/engine.ts";
import { fixtures, TestPaas } from "../support/paas.ts";

let paas: TestPaas;
beforeAll(async () => {
  paas = await TestPaas.start();
});
afterAll(() => paas[Symbol.asyncDispose]());

test.each([
  ["node-express", "Using node", "hello"],
  ["node-build", "Using node", "hello"],
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

test("a code-only push installs nothing again", async () => {
  const app = await paas.app("again", "node-express");
  await app.mustPush();
  const source = await readFile(path.join(fixtures, "node-express", "index.js"), "utf8");
  await app.commit({ "index.js": source.replace(/hello/i, "changed") }, "code only");
  const { output } = await app.mustPush();
  expect(output).toContain("reused");
  expect(output).not.toContain("npm ci");
  expect((await app.body()).toLowerCase()).toContain("changed");
});

test("a Dockerfile is built, and listens where it EXPOSEs", async () => {
  await using engine = await openTestEngine();
  const dir = path.join(fixtures, "dockerfile-python");
  const [dockerfile, server] = await Promise.all(
    ["Dockerfile", "server.py"].map((f) => readFile(path.join(dir, f), "utf8")),
  );
  const app = await paas.app("docker", {
    Dockerfile: (dockerfile ?? "").replace("paas-test-base", engine.runImage),
    "server.py": server ?? "",
  });
  const { output } = await app.mustPush();
  expect(output).toMatch(/Step 1\/\d+ : FROM/);
  expect(await app.body()).toBe("hello from a Dockerfile");
});
