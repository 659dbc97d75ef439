import { expect, test } from "vitest";
import { Instances } from "../../../server/router/instances.ts";
import { LiveTable } from "../../../server/router/live-table.ts";
import type { TableRoute } from "../../../server/router/protocol.ts";

const route = (ids: readonly string[], path = "/"): TableRoute => ({
  host: "h",
  path,
  app: "shop",
  state: "running",
  targets: ids.map((id, index) => ({ id, name: `web.${index + 1}`, host: "127.0.0.1", port: 1 })),
});

function start(...routes: TableRoute[]) {
  const instances = new Instances();
  const table = new LiveTable(instances);
  table.apply(routes);
  const of = (id: string) => instances.of({ id, name: id, host: "127.0.0.1", port: 1 });
  const next = (path = "/", tried: string[] = []) =>
    table.match({ host: "h", target: path })?.next(tried.map(of))?.target.id;
  return { instances, table, next, of };
}

test("every instance gets the same share, whatever table comes", () => {
  const { table, next } = start(route(["a", "b", "c"]));
  const ids = Array.from({ length: 30 }, () => {
    table.apply([route(["a", "b", "c"])]);
    return next();
  });
  for (const id of ["a", "b", "c"]) expect(ids.filter((one) => one === id)).toHaveLength(10);
});

test("routes take turns of their own", () => {
  const { next } = start(route(["a", "b"]), route(["a", "b"], "/v2"));
  expect([next(), next("/v2")]).toEqual(["a", "a"]);
});

test("what was tried is not taken again", () => {
  const { next } = start(route(["a", "b"]));
  expect(next("/", ["a"])).toBe("b");
  expect(next("/", ["a", "b"])).toBeUndefined();
});

test("one that refused is left alone until it is back, and taken when there is no other", () => {
  const { next, of, instances } = start(route(["a", "b"]));
  of("a").refused();
  expect(Array.from({ length: 4 }, () => next())).toEqual(["b", "b", "b", "b"]);
  expect(next("/", ["b"])).toBe("a");
  of("a").back();
  expect(new Set([next(), next()])).toEqual(new Set(["a", "b"]));
  instances.stop();
});

test("one that left the table and came back starts afresh", () => {
  const { table, next, of } = start(route(["a", "b"]));
  of("a").refused();
  table.apply([route(["b"])]);
  table.apply([route(["a", "b"])]);
  expect(new Set([next(), next()])).toEqual(new Set(["a", "b"]));
});

test("no instances, nobody", () => {
  expect(start(route([])).next()).toBeUndefined();
});

test("a drain waits for the named instances alone, and leaves their tunnels to them", async () => {
  const { instances, of } = start(route(["a", "b"]));
  of("a").inFlight += 1;
  let ended = 0;
  of("a").tunnels.add({ endTunnel: () => (ended += 1) });
  expect(await instances.drain(["b"], 5)).toBe(true);
  expect(await instances.drain(["a"], 5)).toBe(false);
  expect(ended).toBe(0);
  instances.endTunnels();
  expect(ended).toBe(1);
  const drained = instances.drain(["a"], 5_000);
  instances.leave(of("a"));
  expect(await drained).toBe(true);
});

test("what is under way to an instance is counted until it ends, also when the table names it no more", () => {
  const { instances, table, of } = start(route(["a"]));
  const instance = of("a");
  instance.inFlight += 1;
  table.apply([]);
  expect(instances.counts()).toEqual({ a: 1 });
  instances.leave(instance);
  expect(instances.counts()).toEqual({});
});

test("a policy that has not changed keeps what it has gathered", () => {
  const withPolicy = (firstByteMs: number): TableRoute => ({ ...route(["a"]), policy: { timeouts: { firstByteMs } } });
  const { table } = start(withPolicy(1));
  const before = table.match({ host: "h", target: "/" })?.policy;
  table.apply([withPolicy(1)]);
  expect(table.match({ host: "h", target: "/" })?.policy).toBe(before);
  table.apply([withPolicy(2)]);
  expect(table.match({ host: "h", target: "/" })?.policy).not.toBe(before);
});
