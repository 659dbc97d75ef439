import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultSpace, web, type AppId, type AppName } from "../../../server/core/ids.ts";
import { createRoutes, type Routes } from "../../../server/routes/routes.ts";
import { createAppStore, type AppStore } from "../../../server/store/apps.ts";
import { openDatabase } from "../../../server/store/open.ts";
import {
  createRoutePolicyStore,
  createRouteShareStore,
  createTcpRouteStore,
} from "../../../server/store/route-policies.ts";
import { routePolicies } from "../../../server/store/schema.ts";
import { createRouteStore } from "../../../server/store/routes.ts";
import { createSealer } from "../../../server/core/seal.ts";

const actor = { kind: "owner", name: "owner" } as const;
let dir: string;
let opened: ReturnType<typeof openDatabase>;
let apps: AppStore;
let routes: Routes;
const mapped: AppId[] = [];
const sealer = createSealer(randomBytes(32));
const policies = () => createRoutePolicyStore(opened.db, sealer);
const shares = () => createRouteShareStore(opened.db);
const tcp = () => createTcpRouteStore(opened.db);
const store = () => createRouteStore(opened.db);

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "paas-routes-"));
  opened = openDatabase(path.join(dir, "paas.db"));
  apps = createAppStore(opened.db, sealer);
  routes = createRoutes({
    store: store(),
    shares: shares(),
    apps,
    changed: async () => {},
    mapped: (id) => void mapped.push(id),
    domain: "paas.test",
    httpPort: () => 80,
    httpsPort: () => 443,
    hasCertificate: (host) => host === "secure.example.test",
    space: defaultSpace,
    now: () => 1,
  });
  for (const name of ["shop", "next"]) routes.createDefault(createApp(name));
});
afterAll(async () => {
  opened[Symbol.dispose]();
  await rm(dir, { recursive: true, force: true });
});

function createApp(name: string) {
  const app = {
    id: `id${name}` as AppId,
    name: name as AppName,
    space: defaultSpace,
    deployBranch: undefined,
    stopped: false,
    createdAt: 1,
  };
  apps.insert(app);
  return app;
}

test("a policy is kept sealed, follows its route to another name, and goes with it", async () => {
  const { route } = routes.lookup({ domain: "shop.paas.test" });
  const policy = { basicAuth: { users: [{ name: "ann", hash: "scrypt$secret" }] } };
  policies().set(route.id, policy);
  expect(policies().get(route.id)).toEqual(policy);
  const rows = opened.db.select().from(routePolicies).all();
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain("scrypt");
  routes.rename(apps.get("shop"), "store" as AppName);
  expect(policies().get(routes.lookup({ domain: "store.paas.test" }).route.id)).toEqual(policy);
  expect(() => routes.lookup({ domain: "shop.paas.test" })).toThrow("no route");
  await routes.delete(actor, { domain: "store.paas.test" });
  expect(policies().all().size).toBe(0);
});

test("a route has one owner unless both have a weight; who leaves gives it to the other", async () => {
  const place = { domain: "www.example.test" };
  const [shop, next] = ["shop", "next"] as AppName[];
  if (shop === undefined || next === undefined) throw new Error("no names");
  await routes.map(actor, shop, place);
  await expect(routes.map(actor, next, place)).rejects.toThrow('belongs to app "shop"');
  await expect(routes.map(actor, next, { ...place, weight: 1 })).rejects.toThrow("not shared");
  await routes.map(actor, shop, { ...place, weight: 90 });
  await routes.map(actor, next, { ...place, weight: 10, type: "api", port: 9_000 });
  expect(shares().list()).toMatchObject([{ appId: "idnext", type: "api", port: 9_000, weight: 10 }]);
  expect(store().servedTypes("idnext" as AppId)).toEqual(["api"]);
  expect(mapped).toContain("idnext");
  await routes.unmap(actor, shop, place);
  expect(routes.lookup(place).route).toMatchObject({ appId: "idnext", type: "api", port: 9_000, weight: 10 });
  expect(shares().list()).toEqual([]);
  await routes.unmap(actor, next, place);
  expect(routes.lookup(place).route.appId).toBeUndefined();
});

test("ports are kept with what they lead to", () => {
  const route = { listenPort: 1_883, space: defaultSpace, appId: "idnext" as AppId, type: web, port: undefined };
  tcp().set({ ...route, proxyProtocol: "v2" }, 1);
  expect(tcp().find(1_883)).toEqual({ ...route, proxyProtocol: "v2" });
  tcp().set({ ...route, port: 7, proxyProtocol: undefined }, 2);
  expect(tcp().list()).toEqual([{ ...route, port: 7, proxyProtocol: undefined }]);
  tcp().delete(1_883);
  expect(tcp().list()).toEqual([]);
});
