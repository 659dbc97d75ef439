import { createHash, randomBytes } from "node:crypto";
import { PassThrough, Readable } from "node:stream";
import type Docker from "dockerode";
import { describe, expect, test } from "vitest";
import { waitFor } from "../../../server/core/time.ts";
import { actor, capture, shop, soon, startTasks } from "./setup.ts";

type Paas = Awaited<ReturnType<typeof startTasks>>;

async function startInstance(paas: Paas, index = 1): Promise<Docker.Container> {
  const container = await paas.docker.createContainer({
    Image: paas.runImage,
    Entrypoint: ["sleep", "1000"],
    Env: ["WHO=instance"],
    HostConfig: { Init: true },
    Labels: {
      "paas.home": paas.home,
      "paas.kind": "instance",
      "paas.app": paas.app.id,
      "paas.type": "web",
      "paas.index": String(index),
    },
  });
  await container.start();
  return container;
}

const processes = async (container: Docker.Container): Promise<string> => {
  const { Processes } = (await container.top()) as { Processes: string[][] };
  return Processes.flat().join(" ");
};

describe("exec", () => {
  test("runs in the named instance, with its environment, and answers the exit code", async () => {
    await using paas = await startTasks();
    await startInstance(paas);
    const streams = capture();
    const code = await paas.tasks.port.exec(
      actor,
      shop,
      "web.1",
      ["echo $WHO; echo oops >&2; exit 7"],
      streams,
      soon(),
    );
    expect([code, streams.out().toString(), streams.err()]).toEqual([7, "instance\n", "oops\n"]);
  });

  test("an instance that is not there is refused", async () => {
    await using paas = await startTasks();
    await startInstance(paas);
    for (const name of ["web.2", "worker.1", "web", "web.x", ""]) {
      const run = paas.tasks.port.exec(actor, shop, name, ["ls"], capture(), soon());
      await expect(run).rejects.toMatchObject({ code: "INSTANCE_NOT_FOUND" });
    }
  });

  test("passes input and its end, and a large output whole", async () => {
    await using paas = await startTasks();
    await startInstance(paas);
    const sent = randomBytes(5 * 1024 * 1024);
    const streams = capture({ stdin: Readable.from([sent]) });
    expect(await paas.tasks.port.exec(actor, shop, "web.1", ["cat"], streams, soon())).toBe(0);
    const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(sha(streams.out())).toBe(sha(sent));
  });

  test("without a command opens a shell on a terminal that follows the client's window", async () => {
    await using paas = await startTasks();
    await startInstance(paas);
    const stdin = new PassThrough();
    const streams = capture({ stdin, tty: { columns: 90, rows: 20 } });
    const running = paas.tasks.port.exec(actor, shop, "web.1", [], streams, soon());
    await waitFor(() => streams.out().length > 0, { every: 20, signal: soon() });
    const hasSize = (size: string) => () => {
      stdin.write("stty size\n");
      return streams.out().includes(size);
    };
    await waitFor(hasSize("20 90"), { every: 200, signal: soon() });
    streams.resize(66, 11);
    await waitFor(hasSize("11 66"), { every: 200, signal: soon() });
    stdin.write("exit 3\n");
    expect(await running).toBe(3);
  });

  test("the command and its children end when the client goes; the instance goes on", async () => {
    await using paas = await startTasks();
    const instance = await startInstance(paas);
    const stop = new AbortController();
    const streams = capture({ tty: { columns: 80, rows: 24 } });
    const line = "trap '' HUP; sleep 4242 & echo up; sleep 4343; echo never";
    const running = paas.tasks.port.exec(actor, shop, "web.1", [line], streams, stop.signal);
    await waitFor(() => streams.out().includes("up"), { every: 20, signal: soon() });
    expect(await processes(instance)).toContain("sleep 4242");
    stop.abort(new Error("client went"));
    await expect(running).rejects.toThrow("client went");
    await waitFor(async () => !/sleep 4[23]4[23]/.test(await processes(instance)), { every: 100, signal: soon() });
    expect((await instance.inspect()).State.Running).toBe(true);
  });

  test("a child that is left behind does not hold up the end", async () => {
    await using paas = await startTasks();
    await startInstance(paas);
    const startedAt = performance.now();
    expect(await paas.tasks.port.exec(actor, shop, "web.1", ["sleep 100 & echo x"], capture(), soon())).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });
});
