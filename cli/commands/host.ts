import { readFileSync } from "node:fs";
import path from "node:path";
import type { SystemInfo } from "../../server/api/platform.ts";
import type { Shown } from "../client.ts";
import { CliError } from "../failure.ts";
import { age } from "../output/moment.ts";
import { pairs } from "../output/table.ts";
import { root } from "../root.ts";
import type { Context } from "../context.ts";
import type { Input, Verb, VerbGroup, VerbOption } from "../verb.ts";

/** Option, variable of the daemon, meaning. */
const settings = [
  ["--home <folder>", "PAAS_HOME", "where all state is"],
  ["--domain <name>", "PAAS_DOMAIN", "apps answer at APP.DOMAIN; localhost unless told"],
  ["--listen <address>", "PAAS_LISTEN", "address of the router and of ssh"],
  ["--http-port <port>", "PAAS_HTTP_PORT", "of the router, 80 unless told"],
  ["--https-port <port>", "PAAS_HTTPS_PORT", "of the router for TLS, 443 unless told, off for none"],
  ["--ssh-port <port>", "PAAS_SSH_PORT", "for git push over ssh, 2222 unless told"],
  ["--api-port <port>", "PAAS_API_PORT", "of the API on loopback, 7070 unless told"],
  ["--router-workers <count>", "PAAS_ROUTER_WORKERS", "processes of the router"],
  ["--trusted-proxies <networks>", "PAAS_TRUSTED_PROXIES", "in front, whose X-Forwarded-* count: 10.0.0.0/8"],
  ["--proxy-protocol <state>", "PAAS_PROXY_PROTOCOL", "on: those put a PROXY header before each connection"],
  ["--parallel-builds <count>", "PAAS_PARALLEL_BUILDS", "builds at a time; by CPUs and memory unless told"],
  [
    "--disk-floor <size>",
    "PAAS_DISK_FLOOR",
    "of the engine's disk that no build may take: 1G; by its size unless told",
  ],
  [
    "--source-hosts <hosts>",
    "PAAS_SOURCE_HOSTS",
    "hosts of the inner network that sources, buildpacks and submodules may come from: git.lan,10.0.0.5",
  ],
  [
    "--cache-budget <size>",
    "PAAS_CACHE_BUDGET",
    "of layers and build caches: 10G; by the size of the disk unless told",
  ],
  ["--keep-droplets <count>", "PAAS_KEEP_DROPLETS", "for rollback beside the current one, 5 unless told"],
  ["--acme-directory <url>", "PAAS_ACME_DIRECTORY", "of the CA, Let's Encrypt unless told, off for none"],
  ["--acme-email <address>", "PAAS_ACME_EMAIL", "where the CA writes to"],
  ["--acme-ca-file <file>", "PAAS_ACME_CA_FILE", "PEM that the CA's own server is trusted by"],
  ["--acme-challenge <type>", "PAAS_ACME_CHALLENGE", "http-01 unless told, tls-alpn-01 or dns-01"],
  ["--acme-dns-hook <program>", "PAAS_ACME_DNS_HOOK", "sets TXT records: PROGRAM present|cleanup NAME VALUE"],
  ["--acme-dns-servers <list>", "PAAS_ACME_DNS_SERVERS", "asked where a name leads, those of the machine unless told"],
  ["--log-level <level>", "PAAS_LOG_LEVEL", "debug, info, warn or error"],
] as const;
const settingOptions: readonly VerbOption[] = settings.map(([flags, variable, meaning]) => [
  flags,
  `${meaning} (${variable})`,
]);

const up: Verb = {
  name: "up",
  summary: "prepare this machine and start the daemon and the router",
  isLocal: true,
  options: [["-d, --detach", "in the background"], ...settingOptions],
  examples: ["paas up --detach", "paas up --domain apps.example.test --http-port 8080"],
  run: (context, input) => server(context, input, ["up", ...(input.flag("detach") ? ["--detach"] : [])]),
};

const down: Verb = {
  name: "down",
  summary: "stop the daemon and the router; apps go on running",
  isLocal: true,
  options: settingOptions.slice(0, 1),
  examples: ["paas down"],
  run: (context, input) => server(context, input, ["down"]),
};

const doctor: Verb = {
  name: "doctor",
  summary: "check this machine and say what to do about each problem",
  isLocal: true,
  hasJson: true,
  options: [["--fix", "install and start what is missing"], ...settingOptions],
  examples: ["paas doctor", "paas doctor --fix"],
  run: (context, input) =>
    server(context, input, [
      "doctor",
      ...(input.flag("fix") ? ["--fix"] : []),
      ...(input.flag("json") ? ["--json"] : []),
    ]),
};

const version: Verb = {
  name: "version",
  summary: "show the version of this command and of the daemon, with its home and ports",
  hasJson: true,
  examples: ["paas version", "paas version --json"],
  async run(context, input) {
    const own = (JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string }).version;
    const system = await systemInfo(context);
    const shown = { client: own, node: process.versions.node, daemon: system?.version, system };
    context.show(input, shown, () => [
      `paas ${own} (Node ${shown.node})`,
      ...(system === undefined ? ["daemon does not answer"] : describeSystem(system, context.io.now())),
    ]);
  },
};

const open: Verb = {
  name: "open",
  aliases: ["apps:open"],
  summary: "open an app in the browser; without one print its URL",
  hasApp: true,
  hasJson: true,
  examples: ["paas open -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const { urls } = await context.client.call("get", "/v1/apps/:app", { param: { app } });
    const [url] = urls;
    if (url === undefined)
      throw new CliError(`App "${app}" has no route.`, `Map one with: paas map-route ${app} DOMAIN`);
    if (!input.flag("json") && hasBrowser(context)) return context.local.run("xdg-open", [url]);
    context.show(input, { url }, () => [url]);
    return 0;
  },
};

export const hostVerbs: VerbGroup = { title: "This machine", verbs: [up, down, doctor, version, open] };

/** The server's own entry point on this terminal, with the settings as its variables. */
function server(context: Context, input: Input, argv: readonly string[]): Promise<number> {
  const main = path.join(root, "server", "main.ts");
  return context.local.run(process.execPath, [main, ...argv], settingsOf(input));
}

export function settingsOf(input: Pick<Input, "option">): Record<string, string> {
  const given = settings.map(([flags, variable]) => [variable, input.option(optionName(flags))] as const);
  return Object.fromEntries(given.filter((entry): entry is [(typeof entry)[0], string] => entry[1] !== undefined));
}

/** `--http-port <port>` is `httpPort`. */
function optionName(flags: string): string {
  const [, name = ""] = /^--([a-z-]+)/.exec(flags) ?? [];
  return name.replaceAll(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

function describeSystem(system: Shown<SystemInfo>, now: number): readonly string[] {
  const { version: daemon, home, domain, httpPort, sshPort, apiPort, startedAt, engineProblem, closedDoors } = system;
  return [
    `daemon ${daemon}, up ${age(now - startedAt)}`,
    "",
    ...pairs([
      ["Home", home],
      ["Apps", `http://APP.${domain}${httpPort === 80 ? "" : `:${httpPort}`}`],
      ["ssh", `port ${sshPort}`],
      ["API", `http://127.0.0.1:${apiPort}`],
      ["Engine", engineProblem ?? "answers"],
      ...closedDoors.map((closed) => ["Not open", closed] as const),
    ]),
  ];
}

async function systemInfo(context: Context): Promise<Shown<SystemInfo> | undefined> {
  try {
    return await context.client.call("get", "/v1/system", {});
  } catch (err) {
    if (err instanceof CliError) return undefined;
    throw err;
  }
}

function hasBrowser({ io, isRemote }: Context): boolean {
  return !isRemote && io.stdout.isTTY === true && Boolean(io.env["DISPLAY"] || io.env["WAYLAND_DISPLAY"]);
}
