import { expect, test } from "vitest";
import { defaultSpace, web, type AppId, type ProcessType } from "../../../server/core/ids.ts";
import type { Route } from "../../../server/core/types.ts";
import type { RouterControl, TcpTableRoute } from "../../../server/router/protocol.ts";
import { RoutePublisher } from "../../../server/routes/publisher.ts";

const appId = "idshop" as AppId;
const route = (host: string, type: ProcessType = web): Route => ({
  id: host,
  host,
  path: "/",
  space: defaultSpace,
  appId,
  type,
  port: undefined,
});
const tcp = { listenPort: 0, space: defaultSpace, appId, port: undefined, proxyProtocol: undefined };
const target = (name: string) => {
  const [type = ""] = name.split(".");
  return { id: name, name, type, address: "10.0.0.1", port: 5000 };
};

function publisher(routes: readonly Route[], apply?: RouterControl["apply"]) {
  const control = { httpsPort: undefined, apply } as never;
  return new RoutePublisher({
    control: () => control,
    routes: () => routes,
    appName: () => "shop",
    policies: () => () => undefined,
    shares: () => [],
    tcp: () => routes.map(({ type }, i) => ({ ...tcp, type, listenPort: 1_000 + i })),
    front: { workers: 1, trustedProxies: [], proxyProtocol: false },
    own: () => [],
  });
}

test("a route leads to the instances of its process type, and never to another's", () => {
  const one = publisher([route("shop.test"), route("api.test", "api" as ProcessType), route("w.test", "w" as never)]);
  one.seed(appId, [target("web.1"), target("web.2"), target("api.1"), target("worker.1")], {
    web: "running",
    api: "running",
  });
  const rows = one.table().map(({ host, state, targets }) => [host, state, targets.map(({ name }) => name)]);
  expect(rows).toEqual([
    ["shop.test", "running", ["web.1", "web.2"]],
    ["api.test", "running", ["api.1"]],
    ["w.test", "stopped", []],
  ]);
});

test("a type without an instance is told apart from one that starts; before the first release all are blank", () => {
  const one = publisher([route("shop.test"), route("api.test", "api" as ProcessType)]);
  const states = () => one.table().map(({ state }) => state);
  expect(states()).toEqual(["blank", "blank"]);
  one.seed(appId, [target("web.1")], { web: "running", api: "starting" });
  expect(states()).toEqual(["running", "starting"]);
  one.seed(appId, [], { web: "crashed", api: "stopped" });
  expect(states()).toEqual(["crashed", "stopped"]);
});

test("a port whose type starts says so, and one that has an instance or is stopped does not", async () => {
  let told: readonly TcpTableRoute[] = [];
  const apply: RouterControl["apply"] = async (_routes, _signal, more) => void (told = more?.tcp ?? []);
  const types = ["web", "api", "old"].map((type) => route(`${type}.test`, type as ProcessType));
  const one = publisher(types, apply);
  one.seed(appId, [target("web.1")], { web: "running", api: "starting" });
  await one.release(AbortSignal.timeout(5_000));
  expect(told.map(({ targets, isStarting }) => [targets.length, isStarting])).toEqual([
    [1, undefined],
    [0, true],
    [0, undefined],
  ]);
});
