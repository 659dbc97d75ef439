import { describe, expect, test } from "vitest";
import type { RoutingTable, TableRoute } from "../../../server/router/protocol.ts";
import { changed, ToldRoutes } from "../../../server/router/table-change.ts";

const target = { id: "c1", name: "web.1", host: "127.0.0.1", port: 8_080 };

function route(host: string, path = "/", more: Partial<TableRoute> = {}): TableRoute {
  return { host, path, app: "shop", state: "running", targets: [target], ...more };
}

function table(version: number, routes: readonly TableRoute[], more: Partial<RoutingTable> = {}): RoutingTable {
  return { version, routes, ...more };
}

/** As it comes over a socket. */
function sent<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function sorted(routes: readonly TableRoute[]): readonly string[] {
  return routes.map((one) => JSON.stringify(one)).toSorted();
}

describe("the change from one table to the next", () => {
  test("the first table is told whole, the next one by what is new, other and gone", () => {
    const told = new ToldRoutes();
    expect(told.tell(table(1, [route("a.test"), route("b.test"), route("b.test", "/v2")]))).toBeUndefined();
    const change = told.tell(table(4, [route("a.test"), route("b.test", "/", { state: "crashed" }), route("c.test")]));
    expect(change).toEqual({
      base: 1,
      version: 4,
      put: [route("b.test", "/", { state: "crashed" }), route("c.test")],
      dropped: [{ host: "b.test", path: "/v2" }],
    });
  });

  test("what does not change stays the same object", () => {
    const before = table(1, [route("a.test"), route("b.test")]);
    const after = changed(before, { base: 1, version: 2, put: [route("b.test", "/", { app: "blog" })], dropped: [] });
    expect(after.version).toBe(2);
    expect(after.routes[0]).toBe(before.routes[0]);
    expect(after.routes[1]?.app).toBe("blog");
    expect("base" in after).toBe(false);
  });

  test("ports and what stands in front are always told", () => {
    const told = new ToldRoutes();
    const front = { workers: 2, trustedProxies: ["10.0.0.0/8"], proxyProtocol: false };
    told.tell(table(1, [], { front }));
    const change = told.tell(table(2, [], { tcp: [{ listenPort: 5_432, app: "db", targets: [target] }] }));
    expect(change).toEqual({ base: 1, version: 2, put: [], dropped: [], tcp: [expect.anything()] });
    if (change === undefined) throw new Error("nothing to look at");
    expect(changed(table(1, [], { front }), change)).toEqual(table(2, [], { tcp: change.tcp ?? [] }));
  });

  test("two routes for one place are told whole, and so is what follows a table that was forgotten", () => {
    const told = new ToldRoutes();
    told.tell(table(1, [route("a.test")]));
    expect(told.tell(table(2, [route("a.test"), route("a.test", "/", { app: "blog" })]))).toBeUndefined();
    expect(told.tell(table(3, [route("a.test")]))).toBeDefined();
    told.forget();
    expect(told.tell(table(4, [route("a.test")]))).toBeUndefined();
  });

  test("table after table, both sides have the same", () => {
    const told = new ToldRoutes();
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    let here: RoutingTable | undefined;
    for (let version = 1; version <= 300; version++) {
      const routes = Array.from({ length: 12 }, (_, i) => i)
        .filter(() => random(3) > 0)
        .map((i) => route(`h${i % 6}.test`, i < 6 ? "/" : "/v2", { app: `app${random(3)}` }));
      const next = table(version, routes);
      const change = told.tell(next);
      here = change === undefined || here === undefined ? sent(next) : changed(here, sent(change));
      expect(here.version).toBe(version);
      expect(sorted(here.routes)).toEqual(sorted(routes));
    }
  });
});
