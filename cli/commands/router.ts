import type { RouterView } from "../../server/api/router.ts";
import type { Shown } from "../client.ts";
import { table } from "../output/table.ts";
import type { Verb } from "../verb.ts";

export const routerVerb: Verb = {
  name: "router",
  summary: "show what the router is doing: instances, requests under way, rates, times, failures",
  hasJson: true,
  examples: ["paas router", "paas router --json"],
  async run(context, input) {
    const view = await context.client.call("get", "/v1/router", {});
    context.show(input, view, () => describe(view));
  },
};

function describe(view: Shown<RouterView>): string[] {
  const memory = view.rssBytes.map((bytes) => `${Math.round(bytes / 1_048_576)} MB`).join(" ");
  const failures = Object.entries(view.failures).map(([code, count]) => `${code} ${count}`);
  const apps = view.apps.map((app) => [
    app.app,
    String(app.requests),
    app.perSecond.toFixed(1),
    String(app.inFlight),
    [app.p50Ms, app.p95Ms, app.p99Ms].map((ms) => (ms === undefined ? "-" : `${ms}`)).join(" / "),
    Object.entries(app.answers)
      .map(([code, count]) => `${code} ${count}`)
      .join(" "),
  ]);
  const instances = view.instances.map((one) => [
    one.app,
    one.name,
    one.address,
    one.container.slice(0, 12),
    String(one.inFlight),
  ]);
  return [
    `Router (process ${view.pid}) on port ${view.httpPort}: ${view.workers} worker${view.workers === 1 ? "" : "s"}, ${memory}`,
    `${view.requests} requests, ${view.inFlight} under way; ${view.cache.entries} answers kept (${Math.round(view.cache.bytes / 1024)} KB)`,
    `Failures: ${failures.length === 0 ? "none" : failures.join(", ")}`,
    "",
    ...table(["APP", "REQUESTS", "PER SECOND", "UNDER WAY", "MS P50 / P95 / P99", "ANSWERS"], apps),
    "",
    ...table(["APP", "INSTANCE", "ADDRESS", "CONTAINER", "UNDER WAY"], instances),
  ];
}
