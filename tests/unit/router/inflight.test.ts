import { expect, test } from "vitest";
import { InFlight } from "../../../server/router/inflight.ts";

test("a drain of idle targets is over at once", async () => {
  expect(await new InFlight().drain(["a"], 10_000)).toBe(true);
});

test("a drain waits for all exchanges of its targets and for no other", async () => {
  const inFlight = new InFlight();
  const leave = [inFlight.enter("a"), inFlight.enter("a"), inFlight.enter("b")];
  inFlight.enter("c");
  let isOver = false;
  const drained = inFlight.drain(["a", "b"], 10_000).finally(() => (isOver = true));
  leave[0]?.();
  leave[2]?.();
  await Promise.resolve();
  expect(isOver).toBe(false);
  leave[1]?.();
  expect(await drained).toBe(true);
  expect(inFlight.counts()).toEqual({ c: 1 });
});

test("leaving twice counts once", () => {
  const inFlight = new InFlight();
  const leave = inFlight.enter("a");
  inFlight.enter("a");
  leave();
  leave();
  expect(inFlight.count("a")).toBe(1);
});

test("a drain gives up at its deadline and closes the tunnels of its targets", async () => {
  const inFlight = new InFlight();
  const closed: string[] = [];
  inFlight.enter("a", () => closed.push("a"));
  inFlight.enter("b", () => closed.push("b"));
  expect(await inFlight.drain(["a"], 20)).toBe(false);
  expect(closed).toEqual(["a"]);
});
