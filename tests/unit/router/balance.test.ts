import { expect, test } from "vitest";
import { RoundRobin } from "../../../server/router/balance.ts";
import type { TableRoute } from "../../../server/router/protocol.ts";

const route = (...ids: string[]): TableRoute => ({
  host: "h",
  path: "/",
  app: "shop",
  state: "running",
  targets: ids.map((id, index) => ({ id, name: `web.${index + 1}`, host: "127.0.0.1", port: 1 })),
});
const nothing: ReadonlySet<string> = new Set();

test("every target gets the same share", () => {
  const balancer = new RoundRobin();
  const ids = Array.from({ length: 30 }, () => balancer.next(route("a", "b", "c"), nothing, 0)?.id);
  for (const id of ["a", "b", "c"]) expect(ids.filter((one) => one === id)).toHaveLength(10);
});

test("routes take turns of their own", () => {
  const balancer = new RoundRobin();
  const other: TableRoute = { ...route("a", "b"), path: "/v2" };
  expect([balancer.next(route("a", "b"), nothing, 0)?.id, balancer.next(other, nothing, 0)?.id]).toEqual(["a", "a"]);
});

test("what was tried is not taken again", () => {
  const balancer = new RoundRobin();
  expect(balancer.next(route("a", "b"), new Set(["a"]), 0)?.id).toBe("b");
  expect(balancer.next(route("a", "b"), new Set(["a", "b"]), 0)).toBeUndefined();
});

test("a target that refused is left alone for 5 s", () => {
  const balancer = new RoundRobin();
  balancer.refused("a", 1_000);
  const during = Array.from({ length: 4 }, () => balancer.next(route("a", "b"), nothing, 5_999)?.id);
  expect(during).toEqual(["b", "b", "b", "b"]);
  const after = Array.from({ length: 2 }, () => balancer.next(route("a", "b"), nothing, 6_000)?.id);
  expect(new Set(after)).toEqual(new Set(["a", "b"]));
});

test("a target that refused is taken when there is no other", () => {
  const balancer = new RoundRobin();
  balancer.refused("a", 0);
  expect(balancer.next(route("a"), nothing, 1)?.id).toBe("a");
});

test("no targets, nobody", () => {
  expect(new RoundRobin().next(route(), nothing, 0)).toBeUndefined();
});

test("a target that left the table and came back starts afresh", () => {
  const balancer = new RoundRobin();
  balancer.refused("a", 0);
  balancer.retain([route("b")]);
  expect(balancer.next(route("a", "b"), nothing, 1)?.id).toBe("a");
});
