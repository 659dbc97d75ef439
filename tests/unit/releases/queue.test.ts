import { expect, test } from "vitest";
import type { AppId } from "../../../server/core/ids.ts";
import { AppQueue } from "../../../server/releases/queue.ts";

const shop = "shop" as AppId;
const never = new AbortController().signal;

function gate() {
  return Promise.withResolvers<void>();
}

function push(queue: AppQueue, title: string, until: Promise<void>, log: string[], signal = never) {
  const onWait = (running: string) => log.push(`${title} waits for ${running}`);
  return queue.run(
    shop,
    { title, supersedes: true, signal, onWait, onSupersede: (waiting) => log.push(`${title} instead of ${waiting}`) },
    (by) => `${title} superseded by ${by}`,
    async (workSignal) => {
      log.push(`${title} runs`);
      await Promise.race([
        until,
        new Promise((_, reject) => workSignal.addEventListener("abort", () => reject(workSignal.reason))),
      ]);
      return `${title} done`;
    },
  );
}

test("a second push waits for the first and says so", async () => {
  const queue = new AppQueue();
  const log: string[] = [];
  const first = gate();
  const a = push(queue, "a", first.promise, log);
  const b = push(queue, "b", Promise.resolve(), log);
  first.resolve();
  expect(await Promise.all([a, b])).toEqual(["a done", "b done"]);
  expect(log).toEqual(["b waits for a", "a runs", "b runs"]);
});

test("the newer of two that wait takes the place of the older", async () => {
  const queue = new AppQueue();
  const log: string[] = [];
  const first = gate();
  const a = push(queue, "a", first.promise, log);
  const b = push(queue, "b", Promise.resolve(), log);
  const c = push(queue, "c", Promise.resolve(), log);
  expect(await b).toBe("b superseded by c");
  first.resolve();
  expect(await Promise.all([a, c])).toEqual(["a done", "c done"]);
  expect(log).toContain("c instead of b");
});

test("cancel ends what runs and lets the next one in", async () => {
  const queue = new AppQueue();
  const a = push(queue, "a", gate().promise, []);
  const b = push(queue, "b", Promise.resolve(), []);
  expect(queue.cancel(shop, new Error("cancelled"))).toBe(true);
  await expect(a).rejects.toThrow("cancelled");
  expect(await b).toBe("b done");
  expect(queue.cancel(shop, new Error("again"))).toBe(false);
});

test("one that waits and goes away leaves the queue", async () => {
  const queue = new AppQueue();
  const first = gate();
  const a = push(queue, "a", first.promise, []);
  const leaving = new AbortController();
  const b = push(queue, "b", Promise.resolve(), [], leaving.signal);
  leaving.abort(new Error("client gone"));
  await expect(b).rejects.toThrow("client gone");
  first.resolve();
  expect(await a).toBe("a done");
});

test("never runs two at a time, in whatever order they come", async () => {
  const queue = new AppQueue();
  let inside = 0;
  let most = 0;
  const work = async (): Promise<undefined> => {
    inside += 1;
    most = Math.max(most, inside);
    await Promise.resolve();
    inside -= 1;
    return undefined;
  };
  const entry = { title: "x", supersedes: false, signal: never, onWait: () => undefined };
  await Promise.all(Array.from({ length: 50 }, () => queue.run(shop, entry, () => undefined, work)));
  expect(most).toBe(1);
});

test("one whose turn it is but that waits for something else gives way to a newer one", async () => {
  const queue = new AppQueue();
  const log: string[] = [];
  const entry = (title: string) => ({
    title,
    supersedes: true,
    signal: never,
    onWait: () => undefined,
    onSupersede: (waiting: string) => log.push(`${title} instead of ${waiting}`),
  });
  const waits = gate();
  const a = queue.run(
    shop,
    entry("a"),
    (by) => `a superseded by ${by}`,
    (signal, turn) => {
      turn.isWaiting = true;
      waits.resolve();
      return new Promise<string>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  );
  await waits.promise;
  const b = queue.run(
    shop,
    entry("b"),
    () => "",
    () => Promise.resolve("b done"),
  );
  expect(await Promise.all([a, b])).toEqual(["a superseded by b", "b done"]);
  expect(log).toEqual(["b instead of a"]);
});

test("one is cancelled by its id, whether it waits or runs, and no other", async () => {
  const queue = new AppQueue();
  const run = (id: string) =>
    queue.run(
      shop,
      { id, title: id, supersedes: false, signal: never, onWait: () => undefined },
      () => "",
      (signal) =>
        new Promise<string>((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
        ),
    );
  const [a, b] = [run("a"), run("b")];
  expect(queue.cancel(shop, new Error("no"), "c")).toBe(false);
  expect(queue.cancel(shop, new Error("b cancelled"), "b")).toBe(true);
  await expect(b).rejects.toThrow("b cancelled");
  expect(queue.running(shop)).toBe("a");
  expect(queue.cancel(shop, new Error("a cancelled"), "a")).toBe(true);
  await expect(a).rejects.toThrow("a cancelled");
});
