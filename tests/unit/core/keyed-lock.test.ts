import { expect, test } from "vitest";
import { createKeyedLock } from "../../../server/core/keyed-lock.ts";

const never = new AbortController().signal;

/** Work that ends when told to, and notes when it begins. */
function job(name: string, begun: string[]) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = async () => {
    begun.push(name);
    await promise;
    return name;
  };
  return { work, end: resolve };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("work of one key runs one at a time in the order of arrival, work of another beside it", async () => {
  const lock = createKeyedLock();
  const begun: string[] = [];
  const jobs = ["a", "b", "other"].map((name) => job(name, begun));
  const ends = jobs.map(({ work }, i) => lock.run(i === 2 ? "cache" : "db", never, work));
  await settle();
  expect(begun).toEqual(["a", "other"]);
  jobs[0]?.end();
  await settle();
  expect(begun).toEqual(["a", "other", "b"]);
  for (const { end } of jobs) end();
  expect(await Promise.all(ends)).toEqual(["a", "b", "other"]);
});

test("work that fails lets the next one in", async () => {
  const lock = createKeyedLock();
  const failed = lock.run("db", never, () => Promise.reject(new Error("no")));
  const next = lock.run("db", never, () => Promise.resolve("in"));
  await expect(failed).rejects.toThrow("no");
  expect(await next).toBe("in");
});

test("who gives up waiting never runs, and those behind still wait for their turn", async () => {
  const lock = createKeyedLock();
  const begun: string[] = [];
  const first = job("first", begun);
  const running = lock.run("db", never, first.work);
  const patience = new AbortController();
  const gaveUp = lock.run("db", patience.signal, job("gave up", begun).work);
  const last = lock.run("db", never, () => Promise.resolve(begun.push("last")));
  patience.abort(new Error("gone"));
  await expect(gaveUp).rejects.toThrow("gone");
  await settle();
  expect(begun).toEqual(["first"]);
  first.end();
  await Promise.all([running, last]);
  expect(begun).toEqual(["first", "last"]);
});
