import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import ssh2 from "ssh2";
import { expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { loadHostKey, makeHostKey } from "../../../server/git/host-key.ts";
import { Door, makeKey } from "./door.ts";

test("a command that is not git reaches the verbs with its words and gives back the exit code", async () => {
  await using door = await Door.open();
  let seen: readonly string[] = [];
  door.runVerb = async (argv, io) => {
    seen = argv;
    io.stdout.write("web.1 up\n");
    io.stderr.write("one crash\n");
    return 3;
  };
  const ran = await door.ssh("ps", "-a", "shop", "'two words'");
  expect(seen).toEqual(["ps", "-a", "shop", "two words"]);
  expect(ran).toEqual({ code: 3, stdout: "web.1 up\n", stderr: "one crash\n" });
});

test("a verb reads what the client sends", async () => {
  await using door = await Door.open();
  door.runVerb = async (_argv, io) => {
    io.stdout.write((await text(io.stdin)).toUpperCase());
    return 0;
  };
  expect(await door.run("ssh", [...door.sshOptions(), "run"], { input: "hello" })).toMatchObject({ stdout: "HELLO" });
});

test("much output on both streams arrives whole and in order", async () => {
  await using door = await Door.open();
  const big = (mark: string) => `${mark.repeat(1023)}\n`.repeat(6 * 1024);
  door.runVerb = async (_argv, io) => {
    io.stdout.write(big("o"));
    io.stderr.write(big("e"));
    io.stdout.write(big("p"));
    io.stderr.write(big("f"));
    return 0;
  };
  const ran = await door.ssh("logs");
  expect(ran.stdout === big("o") + big("p")).toBe(true);
  expect(ran.stderr === big("e") + big("f")).toBe(true);
});

test("a verb that fails says why and tells 4 for what is not allowed", async () => {
  await using door = await Door.open();
  door.runVerb = async () => {
    throw new AppError("FORBIDDEN", { actor: "ann", verb: "app:destroy", resource: "app shop" });
  };
  const ran = await door.ssh("apps:destroy", "shop");
  expect(ran.code).toBe(4);
  expect(ran.stderr).toMatch(/^ !     ann may not do this/);
});

test("a command line with an open quote is refused", async () => {
  await using door = await Door.open();
  expect(await door.ssh("run 'oops")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("a single quote is not closed"),
  });
});

test("no command shows the help", async () => {
  await using door = await Door.open();
  door.runVerb = async (argv, io) => {
    io.stdout.write(`asked for ${argv.join()}\n`);
    return 0;
  };
  expect((await door.ssh()).stdout).toBe("asked for help\n");
});

test("a terminal is passed on with its size", async () => {
  await using door = await Door.open();
  door.runVerb = async (_argv, io) => {
    io.stdout.write(`${io.tty === undefined ? "no terminal" : "terminal"}\n`);
    return 0;
  };
  expect((await door.run("ssh", ["-tt", ...door.sshOptions(), "run"])).stdout).toContain("terminal");
  expect((await door.ssh("run")).stdout).toBe("no terminal\n");
});

test("a client that goes away ends its verb", async () => {
  await using door = await Door.open();
  const aborted = Promise.withResolvers<void>();
  door.runVerb = async (_argv, io, signal) => {
    signal.addEventListener("abort", () => aborted.resolve());
    io.stdout.write("following\n");
    await aborted.promise;
    await new Promise<void>((resolve) => io.stdout.write("to nobody\n", () => resolve()));
    return 0;
  };
  const ran = door.run("timeout", ["1", "ssh", ...door.sshOptions(), "logs", "--tail"]);
  await aborted.promise;
  expect((await ran).code).toBe(124);
});

test.for([["rsa", "-b", "3072"], ["ecdsa"]])("a key of kind %s comes in", async ([kind = "", ...more]) => {
  await using door = await Door.open();
  await makeKey(door, "other", kind, ...more);
  door.allow((await readFile(path.join(door.dir, "other.pub"), "utf8")).trim());
  expect(await door.run("ssh", [...door.sshOptions("other"), "ps"])).toMatchObject({ code: 0 });
});

test("an unknown key does not come in, a password is not asked for", async () => {
  await using door = await Door.open();
  await makeKey(door, "stranger", "ed25519");
  const ran = await door.run("ssh", [...door.sshOptions("stranger"), "ps"]);
  expect(ran.code).toBe(255);
  expect(ran.stderr).toContain("Permission denied (publickey)");
});

test("who pushes without the right is told so", async () => {
  await using door = await Door.open();
  const project = await door.project("secret");
  const pushed = await project.push(door.url("secret"), "main");
  expect(pushed.stderr).toContain("ann may not do this (app:push on app secret)");
  expect(pushed.code).not.toBe(0);
});

test("the host key is made once, for its owner alone, and kept", async () => {
  await using door = await Door.open();
  const file = path.join(door.dir, "home", "ssh_host_ed25519_key");
  const made = await readFile(file, "utf8");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await loadHostKey(file)).toBe(made);
  expect((await door.run("ssh-keygen", ["-y", "-f", file])).stdout).toMatch(/^ssh-ed25519 /);
});

test("every host key that is made can be read", () => {
  const made = Array.from({ length: 1500 }, makeHostKey);
  expect(made.filter((key) => ssh2.utils.parseKey(key) instanceof Error)).toEqual([]);
});

test("git lfs is told that it is not served", async () => {
  await using door = await Door.open();
  expect((await door.ssh("git-lfs-authenticate", "shop.git", "upload")).stderr).toContain("Git LFS is not supported.");
});

test("two sessions of one connection run side by side", async () => {
  await using door = await Door.open();
  door.runVerb = async (argv, io) => {
    await delay(argv[0] === "slow" ? 400 : 1);
    io.stdout.write(argv.join());
    return 0;
  };
  const shared = ["-o", "ControlMaster=auto", "-o", `ControlPath=${door.dir}/mux`, "-o", "ControlPersist=2"];
  const run = (word: string) => door.run("ssh", [...shared, ...door.sshOptions(), word]);
  const slow = run("slow");
  await delay(200);
  expect(await Promise.all([slow, run("quick")])).toMatchObject([{ stdout: "slow" }, { stdout: "quick" }]);
  await door.run("ssh", [...shared, "-O", "exit", ...door.sshOptions()]);
});

test("a client that does not come in in time is cut off", async () => {
  await using door = await Door.open({ handshakeMs: 300 });
  const socket = connect(door.sshPort, "127.0.0.1");
  const [banner] = (await once(socket, "data")) as [Buffer];
  expect(banner.toString()).toMatch(/^SSH-2\.0-paas/);
  const began = Date.now();
  await once(socket, "close", { signal: AbortSignal.timeout(10_000) });
  expect(Date.now() - began).toBeLessThan(3000);
  expect((await door.ssh("ps")).code).toBe(0);
});

test("closing the door ends connections and their work", async () => {
  await using door = await Door.open();
  const begun = Promise.withResolvers<void>();
  const aborted = Promise.withResolvers<void>();
  door.runVerb = async (_argv, _io, signal) => {
    begun.resolve();
    signal.addEventListener("abort", () => aborted.resolve());
    await aborted.promise;
    return 0;
  };
  const ran = door.ssh("logs", "--tail");
  await begun.promise;
  await door.close();
  await aborted.promise;
  expect((await ran).code).toBe(255);
});
