import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../../..");
const imports = "eslint(no-restricted-imports)";

/** file, its only statement, the rule that must refuse it */
const refused: readonly (readonly [string, string, string])[] = [
  ["server/core/a.ts", 'import { pathsOf } from "../config/config.ts"; pathsOf("");', imports],
  ["server/core/b.ts", 'import type { Stack } from "../host/stack.ts"; export type A = Stack;', imports],
  ["server/core/catalogue/c.ts", 'import type { Stack } from "../../host/stack.ts"; export type A = Stack;', imports],
  ["server/core/d.ts", 'import { rm } from "node:fs/promises"; export const a = rm;', imports],
  ["server/core/e.ts", 'import Docker from "dockerode"; export const a = Docker;', imports],
  ["server/builds/a.ts", 'import Docker from "dockerode"; export const a = Docker;', imports],
  ["server/builds/b.ts", 'import type Docker from "dockerode"; export type A = Docker;', imports],
  ["server/builds/c.ts", 'import { plan } from "../scheduler/plan.ts"; export const a = plan;', imports],
  ["server/builds/parts/d.ts", 'import { plan } from "../../scheduler/plan.ts"; export const a = plan;', imports],
  ["server/scheduler/a.ts", 'import Database from "better-sqlite3"; export const a = Database;', imports],
  ["server/scheduler/b.ts", 'import { eq } from "drizzle-orm"; export const a = eq;', imports],
  ["server/scheduler/c.ts", 'import { int } from "drizzle-orm/sqlite-core"; export const a = int;', imports],
  ["server/routes/a.ts", 'import { Hono } from "hono"; export const a = Hono;', imports],
  ["server/routes/b.ts", 'import { serve } from "@hono/node-server"; export const a = serve;', imports],
  ["server/host/a.ts", 'import { Server } from "ssh2"; export const a = Server;', imports],
  ["server/host/b.ts", 'import { simpleGit } from "simple-git"; export const a = simpleGit;', imports],
  ["server/host/c.ts", 'import { main } from "../../cli/main.ts"; export const a = main;', imports],
  ["server/host/d.ts", 'import { fixture } from "../../tests/support/fixture.ts"; export const a = fixture;', imports],
  ["server/api/a.ts", 'import { Command } from "commander"; export const a = Command;', imports],
  ["server/api/b.ts", 'import Docker from "dockerode"; export const a = Docker;', imports],
  ["server/store/a.ts", 'import Docker from "dockerode"; export const a = Docker;', imports],
  ["server/docker/a.ts", 'import Database from "better-sqlite3"; export const a = Database;', imports],
  ["server/docker/b.ts", 'import { plan } from "../scheduler/plan.ts"; export const a = plan;', imports],
  ["server/git/a.ts", 'import { Hono } from "hono"; export const a = Hono;', imports],
  ["server/daemon.ts", 'import Docker from "dockerode"; export const a = Docker;', imports],
  ["server/daemon/a.ts", 'import Docker from "dockerode"; export const a = Docker;', imports],
  ["server/daemon/b.ts", 'import { main } from "../../cli/main.ts"; export const a = main;', imports],
  ["server/releases/a.ts", 'import { createSay } from "../daemon/runtime.ts"; export const a = createSay;', imports],
  ["buildpacks/node/a.ts", 'import { planStack } from "../../server/host/stack-plan.ts"; planStack();', imports],
  ["cli/commands/a.ts", 'import { readConfig } from "../../server/config/config.ts"; readConfig({}, true);', imports],
  ["cli/commands/b.ts", 'import { startDaemon } from "../../server/daemon.ts"; export const a = startDaemon;', imports],
  ["cli/commands/c.ts", 'import { hc } from "hono/client"; export const a = hc;', imports],
  ["cli/client.ts", 'import { app } from "../server/api/app.ts"; export const a = app;', imports],
  ["server/tasks/any.ts", "export const a: any = 1;", "typescript(no-explicit-any)"],
  ["server/tasks/ignore.ts", "// @ts-ignore\nexport const a = 1;", "typescript(ban-ts-comment)"],
  ["server/tasks/default.ts", "export default 1;", "import(no-default-export)"],
  [
    "server/tasks/effect.ts",
    'import { type A } from "./name.ts"; export type B = A;',
    "typescript(no-import-type-side-effects)",
  ],
  ["server/tasks/Name.ts", "export const a = 1;", "unicorn(filename-case)"],
  ["server/tasks/console.ts", "console.log(1);", "eslint(no-console)"],
  ["server/tasks/equal.ts", "export const a = (b: string) => b == `c`;", "eslint(eqeqeq)"],
  ["server/tasks/unused.ts", "export function a(): void { const b = 1; }", "eslint(no-unused-vars)"],
  ["server/tasks/let.ts", "let a = 1; export const b = a;", "eslint(prefer-const)"],
  ["server/tasks/floating.ts", "Promise.resolve(1);", "typescript(no-floating-promises)"],
  ["server/tasks/await.ts", "export const a = await 1;", "typescript(await-thenable)"],
  ["server/tasks/misused.ts", "setTimeout(async () => {}, 1);", "typescript(no-misused-promises)"],
  ["server/tasks/cycle-a.ts", 'import { b } from "./cycle-b.ts"; export const a = () => b;', "import(no-cycle)"],
  ["server/tasks/cycle-b.ts", 'import { a } from "./cycle-a.ts"; export const b = () => a;', "import(no-cycle)"],
  ["tests/unit/a.test.ts", 'import { test } from "vitest"; test.only("a", () => {});', "vitest(no-focused-tests)"],
  ["tests/unit/b.test.ts", 'import { test } from "vitest"; test.skip("a", () => {});', "vitest(no-disabled-tests)"],
];

const accepted: readonly (readonly [string, string])[] = [
  ["server/builds/ok-a.ts", 'import type { Stack } from "../host/stack.ts"; export type A = Stack;'],
  ["server/builds/ok-b.ts", 'import { AppError } from "../core/errors.ts"; export const a = AppError;'],
  ["server/builds/ok-c.ts", 'import { pathsOf } from "../config/config.ts"; export const a = pathsOf;'],
  ["server/docker/ok.ts", 'import Docker from "dockerode"; export const a = Docker;'],
  ["server/store/ok.ts", 'import Database from "better-sqlite3"; export const a = Database;'],
  ["server/git/ok.ts", 'import { Server } from "ssh2"; export const a = Server;'],
  ["server/api/ok.ts", 'import { Hono } from "hono"; export const a = Hono;'],
  ["server/main.ts", 'import { connectDocker } from "./docker/client.ts"; export const a = connectDocker;'],
  ["server/daemon/ok.ts", 'import { plan } from "../scheduler/plan.ts"; export const a = plan;'],
  ["server/demo/ok.ts", 'import { plan } from "../scheduler/plan.ts"; export const a = plan;'],
  ["cli/ok.ts", 'import { Command } from "commander"; export const a = Command;'],
  ["cli/commands/ok.ts", 'import type { Api } from "../../server/api/app.ts"; export type A = Api;'],
  ["buildpacks/ok.ts", 'import type { Stack } from "../server/host/stack.ts"; export type A = Stack;'],
  ["tests/integration/ok.test.ts", 'import Docker from "dockerode"; export const a = Docker;'],
];

describe("the linter", () => {
  let folder: string;
  let found: ReadonlyMap<string, readonly string[]>;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "paas-lint-"));
    for (const name of [".oxlintrc.json", "tsconfig.json"]) await cp(path.join(root, name), path.join(folder, name));
    await symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"));
    for (const [file, code] of [...refused, ...accepted]) {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
      await writeFile(path.join(folder, file), `${code}\n`);
    }
    found = await lint(folder);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  test.each(refused)("refuses %s: %s", (file, _code, rule) => {
    expect(found.get(file)).toContain(rule);
  });

  test.each(accepted)("accepts %s: %s", (file) => {
    expect(found.get(file)).toBeUndefined();
  });
});

interface Report {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
}

function lint(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const program = path.join(root, "node_modules/.bin/oxlint");
  return new Promise((resolve, reject) => {
    execFile(program, ["--type-aware", "-f", "json"], { cwd: folder, maxBuffer: 1e8 }, (err, stdout) => {
      if (stdout === "") return reject(err ?? new Error("oxlint said nothing"));
      const rules = new Map<string, string[]>();
      for (const { code, filename } of (JSON.parse(stdout) as Report).diagnostics) {
        rules.set(filename, [...(rules.get(filename) ?? []), code]);
      }
      resolve(rules);
    });
  });
}
