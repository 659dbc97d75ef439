import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { waitFor } from "../../../server/core/time.ts";
import { Door, type Project } from "./door.ts";

const soon = () => ({ every: 20, signal: AbortSignal.timeout(20_000) });

/** A `git push` that can be killed with all that it started. */
function startPush(door: Door, project: Project, url: string, ...options: readonly string[]) {
  const child = spawn("git", ["push", ...options, url, "main"], {
    cwd: project.dir,
    env: door.env,
    detached: true,
    stdio: "ignore",
  });
  const ended = once(child, "close");
  return {
    kill: async () => {
      process.kill(-(child.pid ?? 0), "SIGKILL");
      await ended;
    },
    ended: ended.then(([code]) => code as number | null),
  };
}

test.for(["ssh", "http"])("a client that goes away in the middle of a deploy by %s aborts it", async (transport) => {
  await using door = await Door.open();
  const begun = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<number>();
  door.deploys.deployNow = async (_push, _out, signal) => {
    signal.addEventListener("abort", () => aborted.resolve(Date.now()));
    begun.resolve();
    await aborted.promise;
    return false;
  };
  const project = await door.project("shop");
  const push = startPush(door, project, transport === "ssh" ? door.url("shop") : door.httpUrl("shop"));
  await begun.promise;
  const killedAt = Date.now();
  await push.kill();
  expect((await aborted.promise) - killedAt).toBeLessThan(1000);
  await waitFor(async () => !(await hasGit(door)), soon());
  expect(await door.ref("shop", "refs/heads/main")).toBeUndefined();
});

test("a deploy that can no longer be stopped when the client goes away moves its branch", async () => {
  await using door = await Door.open();
  const begun = Promise.withResolvers<void>();
  door.deploys.deployNow = async (_push, out, signal) => {
    begun.resolve();
    await once(signal, "abort");
    for (let i = 0; i < 1000; i += 1) out.detail("said to nobody ".repeat(20));
    return true;
  };
  const project = await door.project("shop");
  const push = startPush(door, project, door.url("shop"));
  await begun.promise;
  await push.kill();
  const head = await project.git("rev-parse", "HEAD");
  await waitFor(async () => (await door.ref("shop", "refs/heads/main")) === head, soon());
  await waitFor(async () => !(await hasGit(door)), soon());
});

test.for([
  ["ssh", "the app's setting", "continue", []],
  ["http", "the app's setting", "continue", []],
  ["ssh", "git push -o continue", "cancel", ["-o", "continue"]],
] as const)("by %s and %s a deploy goes on without its client", async ([transport, , setting, options]) => {
  await using door = await Door.open();
  door.deploys.atDisconnect = setting;
  const begun = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  let hasAborted = false;
  door.deploys.deployNow = async (_push, out, signal) => {
    begun.resolve();
    await left.promise;
    // More than the pipes between git and here hold.
    for (let i = 0; i < 1000; i += 1) out.detail("said to nobody ".repeat(20));
    hasAborted = signal.aborted;
    return true;
  };
  const project = await door.project("shop");
  const url = transport === "ssh" ? door.url("shop") : door.httpUrl("shop");
  const push = startPush(door, project, url, ...options);
  await begun.promise;
  await push.kill();
  // Who comes now is served after the good-bye has been heard.
  await door.ssh("apps");
  left.resolve();
  const head = await project.git("rev-parse", "HEAD");
  await waitFor(async () => (await door.ref("shop", "refs/heads/main")) === head, soon());
  await waitFor(async () => !(await hasGit(door)), soon());
  expect(hasAborted).toBe(false);
});

test("git push -o cancel ends the deploy with its client, whatever the app's setting is", async () => {
  await using door = await Door.open();
  door.deploys.atDisconnect = "continue";
  const begun = Promise.withResolvers<void>();
  door.deploys.deployNow = async (_push, _out, signal) => {
    begun.resolve();
    await once(signal, "abort");
    return false;
  };
  const project = await door.project("shop");
  const push = startPush(door, project, door.url("shop"), "-o", "continue", "-o", "cancel");
  await begun.promise;
  await push.kill();
  await waitFor(async () => !(await hasGit(door)), soon());
  expect(await door.ref("shop", "refs/heads/main")).toBeUndefined();
});

test("a client that goes away while it sends leaves nothing running", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  const options = door.sshOptions();
  const child = spawn("ssh", [...options, "git-receive-pack 'shop.git'"], {
    env: door.env,
    stdio: ["pipe", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  const head = await project.git("rev-parse", "HEAD");
  child.stdin.write(packetLine(`${"0".repeat(40)} ${head} refs/heads/main\0 report-status\n`) + "0000PACK");
  await waitFor(() => hasGit(door), soon());
  child.kill("SIGKILL");
  await waitFor(async () => !(await hasGit(door)), soon());
  expect(door.deploys.pushed).toHaveLength(0);
});

test("a daemon that dies in the middle of a deploy rejects the push, and the next one finds all in order", async () => {
  await using door = await Door.open();
  const project = await door.project("shop");
  const home = path.join(door.dir, "other");
  await mkdir(home);
  const first = await startServer(home, door, "die");
  const died = await project.push(`ssh://paas@127.0.0.1:${first.port}/shop.git`, "main");
  expect(died.code).not.toBe(0);
  await first.ended;
  const repo = path.join(
    home,
    "repos",
    (await readdir(path.join(home, "repos"))).find((n) => n.endsWith(".git")) ?? "",
  );
  await waitFor(async () => !(await hasGit(door)), soon());
  await writeFile(path.join(repo, "refs", "heads", "main.lock"), "");
  await using second = await startServer(home, door, "accept");
  expect(await readdir(path.join(repo, "objects"))).not.toContainEqual(expect.stringMatching(/incoming/));
  expect(existsSync(path.join(repo, "refs", "heads", "main.lock"))).toBe(false);
  expect(await project.push(`ssh://paas@127.0.0.1:${second.port}/shop.git`, "main")).toMatchObject({ code: 0 });
});

async function startServer(home: string, door: Door, behaviour: string) {
  const script = path.join(import.meta.dirname, "server-process.ts");
  const child = spawn(process.execPath, [script, home, path.join(door.dir, "id.pub"), behaviour], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    port: Number(line.toString().trim()),
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
    },
  };
}

/** Whether a git of the door's repositories runs. */
function hasGit(door: Door): Promise<boolean> {
  return new Promise((resolve) => {
    execFile("ps", ["-eo", "args"], { maxBuffer: 1 << 24 }, (_err, stdout) => {
      const lines = stdout
        .split("\n")
        .filter((l) => l.includes(door.dir) && /receive-pack|index-pack|unpack-objects/.test(l));
      resolve(lines.some((l) => l.startsWith("git")));
    });
  });
}

function packetLine(line: string): string {
  return (Buffer.byteLength(line) + 4).toString(16).padStart(4, "0") + line;
}
