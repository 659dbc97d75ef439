import { mkdir } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { Door, type Deploy } from "./door.ts";

/** Deploys one after the other, as the daemon's queue does. */
function oneByOne(work: Deploy): Deploy {
  let last: Promise<unknown> = Promise.resolve();
  return (push, out, signal) => {
    const turn = last.then(() => work(push, out, signal));
    last = turn.catch(() => undefined);
    return turn;
  };
}

/** Checks out; the first deploy waits until a second push has arrived. */
async function openWithQueue() {
  const door = await Door.open();
  const arrived = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let checkouts = 0;
  const queue = oneByOne(async (push, _out, signal) => {
    begun.resolve();
    await arrived.promise;
    const dir = path.join(door.dir, "out", String(++checkouts));
    await mkdir(dir, { recursive: true });
    await push.checkout(dir, signal);
    return true;
  });
  door.deploys.deployNow = (push, out, signal) => {
    if (door.deploys.pushed.length === 2) arrived.resolve();
    return queue(push, out, signal);
  };
  return { door, begun: begun.promise };
}

test("a push that waited for another and builds upon it is accepted", async () => {
  const { door, begun } = await openWithQueue();
  await using _ = door;
  const project = await door.project("shop");
  const first = project.push(door.url("shop"), "main");
  await begun;
  const second = await project.commit({ "a.txt": "a" }, "second");
  const pushed = await Promise.all([first, project.push(door.url("shop"), "main")]);
  expect(pushed.map((p) => p.code)).toEqual([0, 0]);
  expect(await door.ref("shop", "refs/heads/main")).toBe(second);
});

test("a push that waited for another and does not contain it is refused", async () => {
  const { door, begun } = await openWithQueue();
  await using _ = door;
  const ann = await door.project("ann");
  const bob = await door.project("bob", { "index.html": "bob\n" });
  const first = ann.push(door.url("shop"), "main");
  await begun;
  const second = await bob.push(door.url("shop"), "main");
  expect(await first).toMatchObject({ code: 0 });
  expect(second.code).toBe(1);
  expect(second.stderr).toContain('"main" moved to');
  expect(await door.ref("shop", "refs/heads/main")).toBe(await ann.git("rev-parse", "HEAD"));
});

test("a first push that waited while another made its branch the deploy branch is refused", async () => {
  const { door, begun } = await openWithQueue();
  await using _ = door;
  const project = await door.project("shop");
  const first = project.push(door.url("shop"), "main");
  await begun;
  const second = await project.push(door.url("shop"), "main:trunk");
  expect(await first).toMatchObject({ code: 0 });
  expect(second.stderr).toContain("git push paas trunk:main");
  expect(second.code).toBe(1);
});

test("pushes to several apps run side by side", async () => {
  await using door = await Door.open();
  const names = ["one", "two", "three", "four"];
  const all = Promise.withResolvers<void>();
  door.deploys.deployNow = async () => {
    if (door.deploys.pushed.length === names.length) all.resolve();
    await all.promise;
    return true;
  };
  const projects = await Promise.all(names.map((name) => door.project(name)));
  const pushed = await Promise.all(projects.map((p, i) => p.push(door.url(names[i] ?? ""), "main")));
  expect(pushed.map((p) => p.code)).toEqual([0, 0, 0, 0]);
});
