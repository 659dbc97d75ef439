import type { AppTrafficView, RoutedInstanceView, RouterPort, RouterView } from "../api/router.ts";
import type { AppTraffic } from "../router/metrics.ts";
import type { TableRoute } from "../router/protocol.ts";
import type { RouterStatus } from "../router/wire.ts";

export interface RouterViewDeps {
  readonly status: () => Promise<RouterStatus>;
  readonly table: () => readonly TableRoute[];
  readonly pid: () => number;
  readonly httpPort: () => number;
  /** Upper bounds of the classes of times, ms. */
  readonly boundsMs: readonly number[];
}

export function createRouterPort(deps: RouterViewDeps): RouterPort {
  const view = async (): Promise<{ readonly status: RouterStatus; readonly view: RouterView }> => {
    const status = await deps.status();
    const instances = instancesOf(deps.table(), status);
    const apps = Object.entries(status.apps).map(([app, traffic]) => appView(app, traffic, instances, deps.boundsMs));
    const { workers, rssBytes, requests, failures, cache } = status;
    const inFlight = Object.values(status.inFlight).reduce((sum, count) => sum + count, 0);
    const own = { pid: deps.pid(), httpPort: deps.httpPort(), workers, rssBytes, requests, inFlight, failures, cache };
    return { status, view: { ...own, apps: apps.toSorted((a, b) => a.app.localeCompare(b.app)), instances } };
  };
  return {
    status: async () => (await view()).view,
    async metrics() {
      const { status, view: shown } = await view();
      return prometheus(shown, status.apps, deps.boundsMs);
    },
  };
}

function instancesOf(table: readonly TableRoute[], status: RouterStatus): readonly RoutedInstanceView[] {
  const found = new Map<string, RoutedInstanceView>();
  for (const route of table) {
    for (const target of route.targets) {
      const app = target.app ?? route.app ?? "-";
      const address = `${target.host}:${target.port}`;
      const inFlight = status.inFlight[target.id] ?? 0;
      found.set(target.id, { app, name: target.name, address, container: target.id, inFlight });
    }
  }
  return [...found.values()];
}

function appView(
  app: string,
  traffic: AppTraffic,
  instances: readonly RoutedInstanceView[],
  bounds: readonly number[],
): AppTrafficView {
  const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].map((name, i): [string, number] => [
    name,
    traffic.byClass[i] ?? 0,
  ]);
  const own = instances.filter((instance) => instance.app === app);
  return {
    app,
    requests: traffic.requests,
    perSecond: Math.round((traffic.lastMinute / 60) * 100) / 100,
    inFlight: own.reduce((sum, instance) => sum + instance.inFlight, 0),
    answers: Object.fromEntries(classes.filter(([, count]) => count > 0)),
    p50Ms: percentile(traffic.times, 0.5, bounds),
    p95Ms: percentile(traffic.times, 0.95, bounds),
    p99Ms: percentile(traffic.times, 0.99, bounds),
  };
}

/** By even spread within its class; of the last class, which has no end, its beginning. */
export function percentile(times: readonly number[], part: number, bounds: readonly number[]): number | undefined {
  const total = times.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let before = 0;
  for (const [i, count] of times.entries()) {
    const from = i === 0 ? 0 : (bounds[i - 1] ?? 0);
    const to = bounds[i] ?? from;
    if (before + count >= part * total && count > 0) {
      return Math.round((from + ((part * total - before) / count) * (to - from)) * 10) / 10;
    }
    before += count;
  }
  return bounds.at(-1);
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
function prometheus(view: RouterView, apps: Readonly<Record<string, AppTraffic>>, boundsMs: readonly number[]): string {
  const lines: string[] = [];
  const metric = (name: string, type: string, help: string, values: readonly (readonly [string, number])[]) => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [labels, value] of values) lines.push(`${name}${labels} ${value}`);
  };
  metric("paas_router_requests_total", "counter", "Requests by app and class of the answer's status.", [
    ...view.apps.flatMap(({ app, answers }) =>
      Object.entries(answers).map(([code, count]) => [labels({ app, code }), count] as const),
    ),
  ]);
  metric("paas_router_failures_total", "counter", "Answers of the router's own by code.", [
    ...Object.entries(view.failures).map(([code, count]) => [labels({ code }), count] as const),
  ]);
  lines.push(
    "# HELP paas_router_request_seconds From the head of the request to the end of the answer.",
    "# TYPE paas_router_request_seconds histogram",
  );
  for (const [app, traffic] of Object.entries(apps)) lines.push(...histogram(app, traffic, boundsMs));
  metric("paas_router_in_flight", "gauge", "Requests under way by instance.", [
    ...view.instances.map(({ app, name, inFlight }) => [labels({ app, instance: name }), inFlight] as const),
  ]);
  metric("paas_router_cache_bytes", "gauge", "Answers kept in memory.", [["", view.cache.bytes]]);
  metric("paas_router_resident_bytes", "gauge", "Memory by worker.", [
    ...view.rssBytes.map((bytes, worker) => [labels({ worker: String(worker) }), bytes] as const),
  ]);
  return `${lines.join("\n")}\n`;
}

function histogram(app: string, traffic: AppTraffic, boundsMs: readonly number[]): readonly string[] {
  let sum = 0;
  const lines = traffic.times.map((count, i) => {
    sum += count;
    const bound = boundsMs[i];
    const le = bound === undefined ? "+Inf" : String(bound / 1000);
    return `paas_router_request_seconds_bucket${labels({ app, le })} ${sum}`;
  });
  lines.push(
    `paas_router_request_seconds_sum${labels({ app })} ${traffic.totalMs / 1000}`,
    `paas_router_request_seconds_count${labels({ app })} ${traffic.requests}`,
  );
  return lines;
}

function labels(values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, "\\$&")}"`);
  return `{${pairs.join(",")}}`;
}
