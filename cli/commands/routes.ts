import type { RouteView } from "../../server/api/platform.ts";
import type { Shown } from "../client.ts";
import { usageError } from "../failure.ts";
import { table } from "../output/table.ts";
import type { Input, Verb, VerbGroup, VerbOption } from "../verb.ts";

const options: readonly VerbOption[] = [
  ["-n, --hostname <name>", "put in front of the domain: api"],
  ["--path <prefix>", "only requests below it: /v2"],
];
const randomOption: VerbOption = ["--random-route", "a name nobody has thought of, in front of the domain"];
const targetOptions: readonly VerbOption[] = [
  ...options,
  randomOption,
  ["--process <type>", "process type that answers, web unless told"],
  ["--destination-process <type>", "the same, as Cloud Foundry calls it"],
  ["--app-port <number>", "port in the instance, its own unless told"],
  ["--port <number>", "without a domain: the port of this machine whose connections go to the app as they are (TCP)"],
  ["--proxy-protocol <version>", "with --port: tell the app who the client is, v1 or v2"],
  ["--weight <number>", "share the route with other apps: this one's part of the requests, 0 to 1000"],
];

const portOption: VerbOption = ["--port <number>", "in place of a domain: the port of a TCP route"];

const list: Verb = {
  name: "routes",
  summary: "list the routes",
  hasApp: true,
  hasJson: true,
  examples: ["paas routes", "paas routes -a shop"],
  async run(context, input) {
    const app = input.option("app");
    const all = await context.client.call("get", "/v1/routes", {});
    const routes = app === undefined ? all : all.filter((route) => route.appName === app);
    const allTcp = await context.client.call("get", "/v1/tcp-routes", {});
    const tcp = app === undefined ? allTcp : allTcp.filter((route) => route.appName === app);
    if (app !== undefined && routes.length === 0 && tcp.length === 0)
      await context.client.call("get", "/v1/apps/:app", { param: { app } });
    context.show(input, [...routes, ...tcp], () => {
      if (routes.length === 0 && tcp.length === 0)
        return [`There are no routes yet. Map one with: paas map-route ${app ?? "APP"} DOMAIN`];
      const rows = routes.map((route) => [nameOf(route), route.appName ?? "-", targetOf(route), route.url]);
      const ports = tcp.map((route) => [
        `:${route.listenPort}`,
        route.appName ?? "-",
        targetOf(route),
        route.problem === undefined ? "tcp" : `tcp, does not work: ${route.problem}`,
      ]);
      return table(["ROUTE", "APP", "PROCESS", "URL"], [...rows, ...ports]);
    });
  },
};

const map: Verb = {
  name: "map-route",
  summary: "let an app answer at a host name and path, or at a port",
  args: ["<app>", "[domain]"],
  hasJson: true,
  options: targetOptions,
  examples: [
    "paas map-route shop www.example.test",
    "paas map-route shop example.test --hostname api --path /v2",
    "paas map-route shop example.test --hostname '*'",
    "paas map-route shop-next www.example.test --weight 10",
    "paas map-route mqtt --port 1883 --process broker --app-port 1883 --proxy-protocol v2",
  ],
  async run(context, input) {
    const app = input.arg(0);
    const domain = input.optionalArg(1);
    if (domain === undefined) {
      const tcp = await context.client.call("post", "/v1/apps/:app/tcp-routes", { param: { app }, json: toTcp(input) });
      context.show(input, tcp, () => [`Mapped port ${tcp.listenPort} to ${app}`]);
      return;
    }
    const json = toRoute(input, domain);
    const route = await context.client.call("post", "/v1/apps/:app/routes", { param: { app }, json });
    context.show(input, route, () => [`Mapped ${route.url} to ${app}`]);
  },
};

const unmap: Verb = {
  name: "unmap-route",
  summary: "stop an app from answering at a host name and path, or at a port",
  args: ["<app>", "[domain]"],
  options: [...options, portOption],
  examples: ["paas unmap-route shop www.example.test"],
  async run(context, input) {
    const app = input.arg(0);
    const domain = input.optionalArg(1);
    if (domain === undefined) {
      const listenPort = toPort(input);
      await context.client.call("delete", "/v1/apps/:app/tcp-routes", { param: { app }, query: { listenPort } });
      context.print(`Unmapped port ${listenPort} from ${app}`);
      return;
    }
    const query = toQuery(input, domain);
    await context.client.call("delete", "/v1/apps/:app/routes", { param: { app }, query });
    context.print(`Unmapped ${describe(query)} from ${app}`);
  },
};

const create: Verb = {
  name: "create-route",
  summary: "reserve a route without an app",
  args: ["[domain]"],
  hasJson: true,
  options: [...options, randomOption, portOption],
  examples: ["paas create-route example.test --hostname api", "paas create-route example.test --random-route"],
  async run(context, input) {
    const domain = input.optionalArg(0);
    if (domain === undefined) {
      const tcp = await context.client.call("post", "/v1/tcp-routes", { json: toTcp(input) });
      context.show(input, tcp, () => [`Reserved port ${tcp.listenPort}`]);
      return;
    }
    const route = await context.client.call("post", "/v1/routes", { json: toRoute(input, domain) });
    context.show(input, route, () => [`Created ${route.url}`]);
  },
};

const remove: Verb = {
  name: "delete-route",
  summary: "remove a route, from its app too",
  args: ["[domain]"],
  options: [...options, portOption],
  examples: ["paas delete-route example.test --hostname api", "paas delete-route --port 1883"],
  async run(context, input) {
    const domain = input.optionalArg(0);
    if (domain === undefined) {
      const listenPort = toPort(input);
      await context.client.call("delete", "/v1/tcp-routes", { query: { listenPort } });
      context.print(`Deleted the route at port ${listenPort}`);
      return;
    }
    const query = toQuery(input, domain);
    await context.client.call("delete", "/v1/routes", { query });
    context.print(`Deleted ${describe(query)}`);
  },
};

export const routeVerbs: VerbGroup = { title: "Routes", verbs: [list, map, unmap, create, remove] };

/** @throws CliError (usage) */
function toTcp(input: Input) {
  const type = input.option("destinationProcess") ?? input.option("process");
  const appPort = input.option("appPort");
  const version = input.option("proxyProtocol");
  if (version !== undefined && version !== "v1" && version !== "v2") {
    throw usageError(`"${version}" is no version of the PROXY protocol.`, "Write --proxy-protocol v1 or v2.");
  }
  const proxyProtocol: "v1" | "v2" | undefined = version;
  return {
    listenPort: Number(toPort(input)),
    ...(type === undefined ? {} : { type }),
    ...(appPort === undefined ? {} : { port: Number(checkedPort(appPort)) }),
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  };
}

/** The port of a TCP route. @throws CliError (usage) */
function toPort(input: Input): string {
  const port = input.option("port");
  if (port !== undefined) return checkedPort(port);
  throw usageError("Neither a domain nor a port is given.", "Write www.example.test, or --port 1883 for a TCP route.");
}

function checkedPort(port: string): string {
  if (/^[0-9]{1,5}$/.test(port)) return port;
  throw usageError(`"${port}" is not a port.`, "Write a number from 1 to 65535: --port 3000");
}

/** @throws CliError (usage) */
function toRoute(input: Input, domain: string) {
  const port = input.option("appPort") ?? input.option("port");
  if (port !== undefined) checkedPort(port);
  const type = input.option("destinationProcess") ?? input.option("process");
  const weight = input.option("weight");
  if (weight !== undefined && !/^[0-9]{1,4}$/.test(weight)) {
    throw usageError(`"${weight}" is not a weight.`, "Write a number from 0 to 1000: --weight 10");
  }
  return {
    ...toQuery(input, domain),
    ...(weight === undefined ? {} : { weight: Number(weight) }),
    ...(input.flag("randomRoute") ? { random: true } : {}),
    ...(type === undefined ? {} : { type }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

function toQuery(input: Input, domain: string) {
  const hostname = input.option("hostname");
  const path = input.option("path");
  return { domain, ...(hostname === undefined ? {} : { hostname }), ...(path === undefined ? {} : { path }) };
}

function describe({ domain, hostname, path }: { domain: string; hostname?: string; path?: string }): string {
  return `${hostname === undefined ? "" : `${hostname}.`}${domain}${path ?? ""}`;
}

function nameOf({ host, path }: Shown<RouteView>): string {
  return path === "/" ? host : `${host}${path}`;
}

function targetOf({ type, port }: { readonly type: string; readonly port?: number }): string {
  return port === undefined ? type : `${type}:${port}`;
}
