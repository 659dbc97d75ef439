import { usageError } from "../failure.ts";
import type { Input, VerbOption } from "../verb.ts";

/** The flags of `routes:set`. What they mean is checked by the server. */
export const policyOptions: readonly VerbOption[] = [
  ["--balance <how>", "round-robin, least-connections, or hash:HEADER: one instance for one value"],
  ["--sticky [cookie]", "keep a client at one instance, from the app's session cookie on if one is named"],
  ["--limit <number>", "requests at a time for one instance"],
  ["--queue <number>", "requests that may wait for a free instance: 100"],
  ["--queue-timeout <time>", "how long they may: 5s"],
  ["--connect-timeout <time>", "to reach an instance: 5s"],
  ["--first-byte-timeout <time>", "until an answer begins: 30s"],
  ["--idle-timeout <time>", "without a byte in either direction: 55s"],
  ["--start-timeout <time>", "for the first instance, while one starts: 75s"],
  ["--request-timeout <time>", "for a request as a whole; no limit unless told"],
  ["--rate-limit <rate>", "requests of one client: 100/1m"],
  ["--rate-by <what>", "who counts as one: client, route, header:NAME, cookie:NAME, query:NAME"],
  ["--cache [size]", "keep answers that the app allows to, of this size at most: 1M"],
  ["--compress", "text that the app did not compress"],
  ["--basic-auth <user>", "ask for name and password; the password is read from the standard input"],
  ["--allow <networks>", "only these clients: 10.0.0.0/8,2001:db8::/32"],
  ["--deny <networks>", "not these clients"],
  ["--set-header <line...>", "for the app: 'X-Env: live'"],
  ["--remove-header <name...>", "before the app"],
  ["--set-response-header <line...>", "for the client: 'X-Frame-Options: DENY'"],
  ["--remove-response-header <name...>", "before the client"],
  ["--redirect <rule...>", "'/old/* /new/* 301'; 302 unless told"],
  ["--rewrite <rule...>", "'/old /new': another path for the app"],
  ["--strip-prefix", "the app does not see the route's path"],
  ["--max-body <size>", "of a request: 10M"],
  ["--forward-auth <url>", "asks this service whether a request may pass"],
  ["--forward-auth-headers <names>", "of its answer, for the app: X-User,X-Groups"],
  ["--oidc <issuer>", "sign in with this provider; the client secret is read from the standard input"],
  ["--oidc-client <id>", "client id at the provider"],
  ["--oidc-scopes <scopes>", "openid,email,profile unless told"],
  ["--oidc-allow <list>", "addresses that may: ann@example.test,@example.test"],
  ["--oidc-session <time>", "how long a sign-in lasts: 12h"],
  ["--route-service <url>", "requests go through this service first (Cloud Foundry's route services)"],
  ["--https <how>", "redirect, or off"],
  ["--hsts <seconds>", "tell browsers to use HTTPS only"],
  ["--protocol <name>", "to the instances: http1, h2c or grpc"],
  ["--unset <setting...>", "take settings back: --unset cache rate-limit"],
];

export function needsSecret(input: Input): boolean {
  const [user, issuer] = [input.option("basicAuth"), input.option("oidc")];
  if (user !== undefined && issuer !== undefined) {
    throw usageError(
      "Two secrets cannot be read at once.",
      "Use --basic-auth and --oidc in a command of their own each.",
    );
  }
  return user !== undefined || issuer !== undefined;
}

type Part = Readonly<Record<string, unknown>>;

/** What was typed as the API wants it. @throws CliError (usage) */
export function toPolicy(input: Input, secret: string | undefined): Part {
  const text = (name: string, key: string, make: (raw: string) => unknown = (raw) => raw): Part => {
    const raw = input.option(name);
    return raw === undefined ? {} : { [key]: make(raw) };
  };
  return {
    ...text("balance", "balance"),
    ...sticky(input),
    ...whole(
      "concurrency",
      {
        ...text("limit", "perInstance", toNumber),
        ...text("queue", "queue", toNumber),
        ...text("queueTimeout", "queueTimeoutMs", toMs),
      },
      { queue: 0, queueTimeoutMs: 5_000 },
    ),
    ...whole("timeouts", {
      ...text("connectTimeout", "connectMs", toMs),
      ...text("firstByteTimeout", "firstByteMs", toMs),
      ...text("idleTimeout", "idleMs", toMs),
      ...text("startTimeout", "startMs", toMs),
      ...text("requestTimeout", "requestMs", toMs),
    }),
    ...whole("rateLimit", { ...rate(input.option("rateLimit")), ...text("rateBy", "by") }, { by: "client" }),
    ...cache(input),
    ...(input.flag("compress") ? { compress: true } : {}),
    ...text("basicAuth", "basicAuth", (name) => ({ name, password: secret })),
    ...text("allow", "ipAllow", toList),
    ...text("deny", "ipDeny", toList),
    ...whole("requestHeaders", headers(input, "setHeader", "removeHeader")),
    ...whole("responseHeaders", headers(input, "setResponseHeader", "removeResponseHeader")),
    ...rules(input, "redirect", "redirects", (from, to, status) => ({ from, to, status: toNumber(status ?? "302") })),
    ...rules(input, "rewrite", "rewrites", (from, to) => ({ from, to })),
    ...(input.flag("stripPrefix") ? { stripPrefix: true } : {}),
    ...text("maxBody", "maxBodyBytes", toBytes),
    ...text("forwardAuth", "forwardAuth", (url) => ({
      url,
      copyHeaders: toList(input.option("forwardAuthHeaders") ?? ""),
    })),
    ...text("oidc", "oidc", (issuer) => oidc(input, issuer, secret)),
    ...text("routeService", "routeService", (url) => ({ url })),
    ...whole("https", {
      ...text("https", "redirect", (how) => how === "redirect"),
      ...text("hsts", "hstsSeconds", toNumber),
    }),
    ...text("protocol", "protocol", (name) => (name === "grpc" ? "h2c" : name)),
  };
}

function whole(key: string, part: Part, defaults: Part = {}): Part {
  return Object.keys(part).length === 0 ? {} : { [key]: { ...defaults, ...part } };
}

function sticky(input: Input): Part {
  const cookie = input.option("sticky");
  if (cookie !== undefined) return { sticky: { cookie } };
  return input.flag("sticky") ? { sticky: {} } : {};
}

function cache(input: Input): Part {
  const size = input.option("cache");
  if (size !== undefined) return { cache: { maxEntryBytes: toBytes(size) } };
  return input.flag("cache") ? { cache: { maxEntryBytes: 1024 * 1024 } } : {};
}

function rate(raw: string | undefined): Part {
  if (raw === undefined) return {};
  const [, requests, period] = /^(\d{1,7})\/(\d*(?:ms|s|m|h))$/.exec(raw) ?? [];
  if (requests === undefined || period === undefined) {
    throw usageError(`"${raw}" is not a rate.`, "Write requests and a period: --rate-limit 100/1m");
  }
  return { requests: Number(requests), perMs: toMs(/^\d/.test(period) ? period : `1${period}`) };
}

function headers(input: Input, set: string, remove: string): Part {
  const lines = input.options(set).map((line) => {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) return [name, value] as const;
    throw usageError(`"${line}" is not a header.`, "Write name and value: 'X-Env: live'");
  });
  const removed = input.options(remove);
  return {
    ...(lines.length === 0 ? {} : { set: Object.fromEntries(lines) }),
    ...(removed.length === 0 ? {} : { remove: removed }),
  };
}

function rules(
  input: Input,
  name: string,
  key: string,
  make: (from: string, to: string, status: string | undefined) => unknown,
): Part {
  const lines = input.options(name).map((line) => {
    const [from, to, status, ...more] = line.trim().split(/\s+/);
    if (from !== undefined && to !== undefined && more.length === 0) return make(from, to, status);
    throw usageError(`"${line}" is not a rule.`, `Write where from and where to: --${name} '/old /new'`);
  });
  return lines.length === 0 ? {} : { [key]: lines };
}

function oidc(input: Input, issuer: string, clientSecret: string | undefined): Part {
  const clientId = input.option("oidcClient");
  if (clientId === undefined) {
    throw usageError("The client's id at the provider is missing.", "Give it with --oidc-client ID.");
  }
  return {
    issuer,
    clientId,
    clientSecret,
    scopes: toList(input.option("oidcScopes") ?? "openid,email,profile"),
    allow: toList(input.option("oidcAllow") ?? ""),
    sessionMs: toMs(input.option("oidcSession") ?? "12h"),
  };
}

function toList(raw: string): readonly string[] {
  return raw
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function toNumber(raw: string): number {
  if (/^\d{1,9}$/.test(raw)) return Number(raw);
  throw usageError(`"${raw}" is not a number.`, "Write a whole number: 20");
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, "": 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30s`, `500ms`, `2m`; a bare number is seconds. @throws CliError (usage) */
export function toMs(raw: string): number {
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)?$/.exec(raw) ?? [];
  const factor = units[unit];
  if (number !== undefined && factor !== undefined) return Math.round(Number(number) * factor);
  throw usageError(`"${raw}" is not a length of time.`, "Write it like 30s, 500ms or 2m.");
}

/** `10M`, `512K`, `1G`; a bare number is bytes. @throws CliError (usage) */
export function toBytes(raw: string): number {
  const [, number, unit = ""] = /^(\d{1,9}(?:\.\d{1,3})?)(k|m|g)?(?:i?b)?$/i.exec(raw) ?? [];
  const power = ["", "k", "m", "g"].indexOf(unit.toLowerCase());
  if (number !== undefined && power !== -1) return Math.round(Number(number) * 1024 ** power);
  throw usageError(`"${raw}" is not a size.`, "Write it like 512K, 10M or 1G.");
}
