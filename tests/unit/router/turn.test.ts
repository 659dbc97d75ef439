import { expect, test, vi } from "vitest";
import { afterTurn, turnTime } from "../../../server/router/turn.ts";

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("tasks run once, in their order, when the turn is over; also those that come meanwhile", async () => {
  const ran: string[] = [];
  const late = { isQueued: false, turnOver: () => void ran.push("late") };
  afterTurn({ isQueued: false, turnOver: () => void ran.push("first") });
  afterTurn({
    isQueued: false,
    turnOver() {
      ran.push("second");
      afterTurn(late);
    },
  });
  await Promise.resolve();
  expect(ran).toEqual([]);
  await nextTurn();
  expect(ran).toEqual(["first", "second", "late"]);
  await nextTurn();
  expect(ran).toHaveLength(3);
});

test("a task that is given twice in a turn runs once in it, and again in the next", async () => {
  let runs = 0;
  const task = { isQueued: false, turnOver: () => void (runs += 1) };
  for (const expected of [1, 2]) {
    afterTurn(task);
    afterTurn(task);
    await nextTurn();
    expect(runs).toBe(expected);
  }
});

test("a task that fails does not take the others with it", async () => {
  const ran: string[] = [];
  const errors: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (err) => errors.push(err));
  try {
    afterTurn({
      isQueued: false,
      turnOver() {
        throw new Error("unforeseen");
      },
    });
    afterTurn({ isQueued: false, turnOver: () => void ran.push("next") });
    await vi.waitFor(() => expect(ran).toEqual(["next"]));
    afterTurn({ isQueued: false, turnOver: () => void ran.push("after") });
    await vi.waitFor(() => expect(ran).toEqual(["next", "after"]));
    expect(errors.map(String)).toEqual(["Error: unforeseen"]);
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});

test("one look at the clock serves the whole turn, and no later one", async () => {
  const before = turnTime();
  const until = performance.now() + 3;
  while (performance.now() < until);
  expect(turnTime()).toBe(before);
  await nextTurn();
  expect(turnTime()).toBeGreaterThan(before + 2);
});
