import { execFileSync } from "node:child_process";
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { waitFor } from "../../server/core/time.ts";
import { serverApp } from "../support/apps.ts";
import { TestPaas } from "../support/paas.ts";

test("on a full disk pushes and changes fail with a clear line, apps serve, and freeing space heals it", async () => {
  const mount = await mkdtemp(path.join(tmpdir(), "paas-full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=32m", "tmpfs", mount]);
  try {
    await using paas = await TestPaas.start({ PAAS_HOME: path.join(mount, "home") });
    const shop = await paas.app("shop", serverApp("one"));
    await shop.mustPush();

    const { bavail, bsize } = await statfs(mount);
    const fill = path.join(mount, "fill");
    await writeFile(fill, Buffer.alloc(bavail * bsize)).catch(() => undefined);
    await shop.commit(serverApp("two"), "two");
    const push = await shop.push();
    expect(push.code).not.toBe(0);
    expect(push.output).toMatch(/disk .* is full|No space left on device/i);
    const change = await shop.cli("config:set", "A=1");
    expect(change.code).toBe(1);
    expect(change.stderr).toContain("The disk that the platform keeps its state on is full");
    expect(await shop.body()).toBe("one");

    await rm(fill);
    await shop.mustPush();
    expect(await shop.body()).toBe("two");
    await shop.body("/after-the-flood");
    const logs = async () => (await shop.mustCli("logs", "-n", "100")).stdout.includes("/after-the-flood");
    await waitFor(logs, { every: 200, signal: AbortSignal.timeout(10_000) });
  } finally {
    execFileSync("umount", ["-l", mount]);
    await rm(mount, { recursive: true, force: true });
  }
});
