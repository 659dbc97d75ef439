import { expect, test } from "vitest";
import { Metrics, sumTraffic, timeBoundsMs } from "../../../server/router/metrics.ts";
import { createRouterPort, percentile } from "../../../server/routes/router-view.ts";

test("requests are counted by app, class and time", () => {
  const metrics = new Metrics();
  metrics.record("shop", 200, 0.5, 0);
  metrics.record("shop", 503, 30_001, 0);
  metrics.record("shop", 404, 20, 0);
  metrics.record("api", 301, 3, 0);
  const { shop, api } = metrics.snapshot(6_000);
  expect(shop).toMatchObject({ requests: 3, byClass: [0, 1, 0, 1, 1], totalMs: 30_022 });
  expect([shop?.times[0], shop?.times[4], shop?.times[timeBoundsMs.length]]).toEqual([1, 1, 1]);
  expect(api?.byClass).toEqual([0, 0, 1, 0, 0]);
  expect(sumTraffic([metrics.snapshot(6_000), metrics.snapshot(6_000)])["shop"]).toMatchObject({ requests: 6 });
});

test("the rate is that of the last minute", () => {
  const metrics = new Metrics();
  for (let second = 0; second < 120; second++) metrics.record("shop", 200, 1, second * 1_000);
  expect(metrics.snapshot(120_000)["shop"]?.lastMinute).toBe(60);
  expect(metrics.snapshot(150_000)["shop"]?.lastMinute).toBe(30);
  expect(metrics.snapshot(500_000)["shop"]?.lastMinute).toBe(0);
});

test("percentiles lie within the class that holds them", () => {
  const times = timeBoundsMs.map((bound) => (bound === 10 ? 90 : bound === 100 ? 10 : 0));
  expect(percentile(times, 0.5, timeBoundsMs)).toBeGreaterThan(5);
  expect(percentile(times, 0.5, timeBoundsMs)).toBeLessThanOrEqual(10);
  expect(percentile(times, 0.95, timeBoundsMs)).toBeGreaterThan(50);
  expect(percentile([0, 0], 0.5, timeBoundsMs)).toBeUndefined();
  expect(percentile([...timeBoundsMs.map(() => 0), 5], 0.99, timeBoundsMs)).toBe(30_000);
});

test("what the router does is shown with names, and as Prometheus reads it", async () => {
  const metrics = new Metrics();
  metrics.record("shop", 200, 3, 0);
  const target = { id: "c1", name: "web.1", host: "10.0.0.2", port: 8080 };
  const port = createRouterPort({
    status: async () => ({
      version: 1,
      workers: 1,
      inFlight: { c1: 2 },
      requests: 1,
      failures: { H12: 4 },
      rssBytes: [10],
      apps: metrics.snapshot(6_000),
      cache: { entries: 1, bytes: 7 },
      tcpProblems: {},
    }),
    table: () => [{ host: "shop.test", path: "/", app: "shop", state: "running", targets: [target] }],
    pid: () => 1,
    httpPort: () => 80,
    boundsMs: timeBoundsMs,
  });
  const view = await port.status();
  expect(view.apps).toMatchObject([{ app: "shop", requests: 1, inFlight: 2, answers: { "2xx": 1 } }]);
  expect(view.instances).toMatchObject([{ app: "shop", name: "web.1", address: "10.0.0.2:8080", inFlight: 2 }]);
  const text = await port.metrics();
  expect(text).toContain('paas_router_requests_total{app="shop",code="2xx"} 1\n');
  expect(text).toContain('paas_router_failures_total{code="H12"} 4\n');
  expect(text).toContain('paas_router_request_seconds_bucket{app="shop",le="0.002"} 0\n');
  expect(text).toContain('paas_router_request_seconds_bucket{app="shop",le="0.005"} 1\n');
  expect(text).toContain('paas_router_request_seconds_bucket{app="shop",le="+Inf"} 1\n');
  expect(text).toContain('paas_router_in_flight{app="shop",instance="web.1"} 2\n');
});
