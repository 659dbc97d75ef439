import { describe, expect, test } from "vitest";
import type { TaskView } from "../../../server/api/platform.ts";
import { newId } from "../../../server/core/ids.ts";
import { LineOutput } from "../../../server/core/output.ts";
import { waitFor } from "../../../server/core/time.ts";
import { createTaskEngine } from "../../../server/docker/tasks.ts";
import { actor, capture, shop, soon, startTasks } from "./setup.ts";

type Paas = Awaited<ReturnType<typeof startTasks>>;

const ended = (paas: Paas, number: number): Promise<TaskView> =>
  waitFor(() => paas.tasks.port.list(shop).find((task) => task.number === number && task.status !== "running"), {
    every: 50,
    signal: soon(),
  });

describe("a detached run", () => {
  test("returns at once, writes to the app's log and is recorded with its exit code", async () => {
    await using paas = await startTasks();
    const view = await paas.tasks.port.runDetached(actor, shop, ["echo $DYNO works; sleep 0.3; echo bye; exit 4"]);
    expect(view).toMatchObject({ number: 1, status: "running", exitCode: undefined });
    expect(await ended(paas, 1)).toMatchObject({ status: "failed", exitCode: 4 });
    await waitFor(async () => (await paas.containers()).length === 0, { every: 20, signal: soon() });
    expect((await paas.logTexts()).slice(1)).toEqual([
      "app[run.1] run.1 works",
      "app[run.1] bye",
      "paas[run.1] Process exited with status 4",
    ]);
  });

  test("that runs too long is ended", async () => {
    await using paas = await startTasks();
    await using tasks = paas.boot({ runLimitMs: 1500 });
    await tasks.port.runDetached(actor, shop, ["sleep 1000"]);
    expect(await ended(paas, 1)).toMatchObject({ status: "failed", exitCode: 137 });
    await waitFor(async () => (await paas.containers()).length === 0, { every: 20, signal: soon() });
    expect(await paas.logTexts()).toContain("paas[run.1] Stopping: it ran longer than 1.5s");
  });

  test("that cannot start is recorded as failed", async () => {
    await using paas = await startTasks();
    const engine = createTaskEngine(paas.docker, paas.home, async () => "no-such-network");
    await using tasks = paas.boot({ engine });
    await expect(tasks.port.runDetached(actor, shop, ["ls"])).rejects.toMatchObject({ code: "TASK_NOT_STARTED" });
    expect(tasks.port.list(shop)).toMatchObject([{ status: "failed" }]);
    expect(await paas.containers()).toEqual([]);
  });
});

describe("after a daemon has gone", () => {
  test("detached runs go on and end under the next one, and interactive ones are ended", async () => {
    await using paas = await startTasks();
    {
      await using before = paas.boot();
      await before.port.runDetached(actor, shop, ["sleep 2; echo survived; exit 6"]);
      await before.port.runDetached(actor, shop, ["sleep 0.2; echo meanwhile"]);
    }
    const stale = paas.store.insert({
      id: newId(),
      appId: paas.app.id,
      version: 7,
      command: ["bash"],
      actor: "owner",
      createdAt: Date.now(),
    });
    await leaveBehind(paas, stale.id, "interactive", "run.3");
    await leaveBehind(paas, newId(), "release", "release.9");

    await paas.tasks.recover(soon());
    expect(await ended(paas, 3)).toMatchObject({ status: "failed", exitCode: undefined });
    expect(await ended(paas, 2)).toMatchObject({ status: "succeeded", exitCode: 0 });
    expect(await ended(paas, 1)).toMatchObject({ status: "failed", exitCode: 6 });
    await waitFor(async () => (await paas.containers()).length === 0, { every: 20, signal: soon() });
    const texts = await paas.logTexts();
    expect(texts.filter((text) => text.startsWith("app["))).toEqual(
      expect.arrayContaining(["app[run.1] survived", "app[run.2] meanwhile", "app[release.9] left"]),
    );
    expect(texts.filter((text) => text.includes("survived"))).toHaveLength(1 + 1);
  });

  test("recovery leaves alone what the new daemon has begun", async () => {
    await using paas = await startTasks();
    const streams = capture();
    const running = paas.tasks.port.run(actor, shop, ["echo up; sleep 1; echo end"], streams, soon());
    await waitFor(() => streams.out().includes("up"), { every: 20, signal: soon() });
    await paas.tasks.recover(soon());
    expect(await running).toBe(0);
    expect(streams.out().toString()).toBe("up\nend\n");
  });

  async function leaveBehind(paas: Paas, taskId: string, mode: string, name: string): Promise<void> {
    const container = await paas.docker.createContainer({
      Image: paas.runImage,
      Entrypoint: ["sh", "-c", "echo left; sleep 1000"],
      Labels: {
        "paas.home": paas.home,
        "paas.kind": "task",
        "paas.app": paas.app.id,
        "paas.task": name,
        "paas.task-id": taskId,
        "paas.task-mode": mode,
      },
    });
    await container.start();
  }
});

describe("a release phase", () => {
  const spec = (paas: Paas, script: string, memoryMb = 128) => ({
    app: paas.app,
    version: 8,
    name: "release.8",
    imageId: paas.runImage,
    command: ["/bin/bash", "-c", script],
    env: { GREETING: "hi" },
    memoryMb,
  });

  test("shows its output as it comes, keeps it in the app's log and gives its exit code", async () => {
    await using paas = await startTasks();
    const lines: string[] = [];
    const out = new LineOutput((line) => lines.push(line));
    const run = paas.tasks.runner.runToEnd(spec(paas, "echo $DYNO $GREETING; echo bad >&2; exit 9"), out, soon());
    expect(await run).toEqual({ exitCode: 9, oomKilled: false });
    expect(lines.toSorted()).toEqual(["       bad", "       release.8 hi"]);
    expect((await paas.logTexts()).toSorted()).toEqual(["app[release.8] bad", "app[release.8] release.8 hi"]);
    expect(await paas.containers()).toEqual([]);
    expect(paas.tasks.port.list(shop)).toEqual([]);
  });

  test("killed for memory says so", async () => {
    await using paas = await startTasks();
    const hog = "exec python3 -c 'x = bytearray(200 * 1024 * 1024)'";
    const run = paas.tasks.runner.runToEnd(spec(paas, hog, 32), new LineOutput(() => {}), soon());
    expect(await run).toEqual({ exitCode: 137, oomKilled: true });
  });

  test("ends at its deadline and with its deploy", async () => {
    await using paas = await startTasks();
    await using tasks = paas.boot({ releaseLimitMs: 1500 });
    const out = new LineOutput(() => {});
    const late = tasks.runner.runToEnd(spec(paas, "sleep 1000"), out, soon());
    await expect(late).rejects.toMatchObject({ code: "TASK_TIMED_OUT" });
    const stop = new AbortController();
    const cancelled = paas.tasks.runner.runToEnd(spec(paas, "sleep 1000"), out, stop.signal);
    setTimeout(() => stop.abort(new Error("cancelled")), 800);
    await expect(cancelled).rejects.toThrow("cancelled");
    expect(await paas.containers()).toEqual([]);
  });
});
