import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { bundleCli, launcher } from "./setup.ts";

beforeAll(bundleCli);

const run = promisify(execFile);

async function temporaryFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), "paas launcher "));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

test("it works through symbolic links, from any folder, whatever Node is in the path", async () => {
  await using temporary = await temporaryFolder();
  const { folder } = temporary;
  await mkdir(path.join(folder, "bin"));
  await symlink(launcher, path.join(folder, "first"));
  await symlink("../first", path.join(folder, "bin", "paas"));
  await writeFile(path.join(folder, "bin", "node"), "#!/bin/sh\necho wrong node\nexit 9\n", { mode: 0o755 });
  const env = { PATH: `${path.join(folder, "bin")}:/usr/bin:/bin`, HOME: folder };
  const { stdout } = await run("paas", ["version", "--json"], { cwd: folder, env });
  expect(JSON.parse(stdout)).toMatchObject({ node: expect.stringMatching(/^24\./) as string });
});

test("without its parts it says how to install them", async () => {
  await using temporary = await temporaryFolder();
  const { folder } = temporary;
  await mkdir(path.join(folder, "cli"));
  await copyFile(launcher, path.join(folder, "cli", "paas"));
  await expect(run(path.join(folder, "cli", "paas"), ["version"])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("npm ci") as string,
  });
});

test("it bundles the CLI when that is missing, and without esbuild runs the sources", async () => {
  await using temporary = await temporaryFolder();
  const { folder } = temporary;
  const root = path.dirname(path.dirname(launcher));
  for (const name of ["cli", "server", "package.json"]) await symlink(path.join(root, name), path.join(folder, name));
  await rm(path.join(folder, "cli"));
  await run("cp", ["-r", path.join(root, "cli"), path.join(folder, "cli")]);
  await mkdir(path.join(folder, "node_modules", ".bin"), { recursive: true });
  await symlink(path.join(root, "node_modules", "commander"), path.join(folder, "node_modules", "commander"));
  await symlink(process.execPath, path.join(folder, "node_modules", ".bin", "node"));
  const { stdout } = await run(path.join(folder, "cli", "paas"), ["version"], {
    env: { PATH: "/usr/bin:/bin", HOME: folder },
  });
  expect(stdout).toContain("paas ");
});
