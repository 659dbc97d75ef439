import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { waitFor } from "../../server/core/time.ts";
import { serverApp } from "../support/apps.ts";
import { TestPaas } from "../support/paas.ts";
import { openGate } from "../support/socket-gate.ts";

test("while the engine is away apps serve, the daemon says what is wrong, and it recovers", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "paas-gate-"));
  await using gate = await openGate("/var/run/docker.sock", path.join(dir, "docker.sock"));
  await using paas = await TestPaas.start({ DOCKER_HOST: `unix://${gate.path}` });
  const shop = await paas.app("shop", serverApp("one"));
  await shop.mustPush();

  await gate.close();
  expect(await shop.body()).toBe("one");
  await shop.commit(serverApp("two"), "two");
  const push = await shop.push();
  expect(push.code).toBe(1);
  expect(push.output).toContain("The container engine does not answer");
  const ps = await shop.cli("ps");
  expect(ps.code).toBe(1);
  expect(ps.stderr).toContain("The container engine does not answer");

  // A daemon that starts without the engine leaves the router as it is.
  await paas.stop("SIGKILL");
  await paas.boot();
  expect(await shop.body()).toBe("one");

  await gate.open();
  await waitFor(async () => (await shop.cli("ps")).code === 0, { every: 300, signal: AbortSignal.timeout(20_000) });
  await shop.mustPush();
  expect(await shop.body()).toBe("two");
  await rm(dir, { recursive: true, force: true });
});
