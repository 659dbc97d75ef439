import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type Attempt, type Instance, Instances } from "../../../server/router/instances.ts";

const instances = new Instances();
afterEach(() => instances.stop());

const target = (id: string) => ({ id, name: "web.1", host: "127.0.0.1", port: 1 });

class Waiting implements Attempt {
  slot = -1;
  readonly since = performance.now();
  readonly connectTimeoutMs: number;
  readonly #instance: Instance;
  canMove: boolean;
  movedAfterMs: number | undefined;

  constructor(instance: Instance, connectTimeoutMs: number, canMove = true) {
    this.#instance = instance;
    this.connectTimeoutMs = connectTimeoutMs;
    this.canMove = canMove;
    instance.begin(this);
  }

  mayMove(): boolean {
    return this.canMove;
  }

  instanceLeft(): void {
    if (!this.canMove) return;
    this.#instance.end(this);
    this.movedAfterMs = performance.now() - this.since;
  }
}

test("an attempt that had no answer for a sixteenth of its time goes elsewhere, and the instance is out", async () => {
  const instance = instances.of(target("silent"));
  const [first, patient] = [new Waiting(instance, 1_600), new Waiting(instance, 60_000)];
  expect(instance.isOut).toBe(false);
  while (first.movedAfterMs === undefined) await delay(5);
  expect(first.movedAfterMs).toBeGreaterThanOrEqual(100);
  expect(patient.movedAfterMs).toBeDefined();
  expect(instance.isOut).toBe(true);
});

test("one that nobody else could take over waits on, until somebody can", async () => {
  const instance = instances.of(target("only"));
  const waiting = new Waiting(instance, 320, false);
  await delay(100);
  expect([waiting.movedAfterMs, instance.isOut]).toEqual([undefined, false]);
  waiting.canMove = true;
  while (waiting.movedAfterMs === undefined) await delay(5);
  expect(instance.isOut).toBe(true);
});

test("one that was answered in time is no sign of anything", async () => {
  const instance = instances.of(target("quick"));
  const waiting = new Waiting(instance, 320);
  instance.end(waiting);
  const later = new Waiting(instance, 60_000);
  await delay(100);
  expect([waiting.movedAfterMs, later.movedAfterMs, instance.isOut]).toEqual([undefined, undefined, false]);
  instance.end(later);
});

test("a pause of the process itself is not the instance's silence", async () => {
  const instance = instances.of(target("paused"));
  const waiting = new Waiting(instance, 3_200);
  const answered = delay(300).then(() => instance.end(waiting));
  const end = performance.now() + 400;
  while (performance.now() < end);
  await answered;
  await delay(50);
  expect([waiting.movedAfterMs, instance.isOut]).toEqual([undefined, false]);
});

test("who waits for an instance that refuses, or leaves the table, goes elsewhere at once", () => {
  for (const [id, leave] of [
    ["refusing", (instance: Instance) => instance.refused()],
    ["unlisted", () => instances.retain(new Set())],
  ] as const) {
    const instance = instances.of(target(id));
    instance.inFlight += 1;
    const [waiting, stuck] = [new Waiting(instance, 5_000), new Waiting(instance, 5_000, false)];
    leave(instance);
    expect([waiting.movedAfterMs, stuck.movedAfterMs]).toEqual([expect.any(Number), undefined]);
    instance.end(stuck);
  }
});

test("one that no table names is not asked again, and starts afresh when it is back", () => {
  const instance = instances.of(target("gone"));
  instance.inFlight += 1;
  instances.retain(new Set());
  instance.refused();
  expect([instance.isOut, instances.of(target("gone"))]).toEqual([false, instance]);
});
