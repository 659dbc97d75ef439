import { isIP } from "node:net";
import { availableParallelism, homedir } from "node:os";
import path from "node:path";
import { parseSize } from "../core/size.ts";

/** All settings of the daemon. Each has a flag of `paas up` and one variable. */
export interface Config {
  readonly home: string;
  /** Apps answer at `<app>.<domain>`. */
  readonly domain: string;
  /** Address that the router and ssh listen on. The API is on loopback always. */
  readonly listen: string;
  readonly httpPort: number;
  /** Undefined: no TLS. */
  readonly httpsPort: number | undefined;
  readonly acme: AcmeConfig;
  readonly sshPort: number;
  readonly apiPort: number;
  /** Worker processes of the router. */
  readonly routerWorkers: number;
  /** Addresses and networks of proxies in front, whose `X-Forwarded-*` count. */
  readonly trustedProxies: readonly string[];
  /** Those put a PROXY header before each connection. */
  readonly proxyProtocol: boolean;
  /** How many builds may run commands at a time; undefined: by CPUs and memory. */
  readonly parallelBuilds: number | undefined;
  /** Bytes of the engine's disk that no build may take; undefined: by its size. */
  readonly diskFloorBytes: number | undefined;
  /** Hosts of the inner network that sources may be fetched from. */
  readonly sourceHosts: readonly string[];
  /** Bytes that what builds use again may take; undefined: by the size of the engine's disk. */
  readonly cacheBudgetBytes: number | undefined;
  /** How many droplets beside the current one are kept for rollback. */
  readonly keepDroplets: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
}

/** Where certificates come from by themselves. */
export interface AcmeConfig {
  /** Of the CA; undefined: none is ever asked. */
  readonly directory: string | undefined;
  readonly email: string | undefined;
  /** PEM file with what the CA's own server is trusted by, beside what the machine trusts. */
  readonly caFile: string | undefined;
  readonly challenge: "http-01" | "tls-alpn-01" | "dns-01";
  /** Program that sets TXT records; it alone can prove wildcards. */
  readonly dnsHook: string | undefined;
  /** Name servers that are asked where a name leads; none: those of the machine. */
  readonly dnsServers: readonly string[];
}

export interface Paths {
  readonly database: string;
  readonly secretKey: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly operatorLog: string;
  readonly routerDir: string;
  readonly routerPidFile: string;
  readonly routerSocket: string;
  readonly repos: string;
  readonly work: string;
  readonly builds: string;
  readonly logs: string;
  readonly hostKey: string;
}

/** Where things are in a home. */
export function pathsOf(home: string): Paths {
  const at = (...parts: string[]) => path.join(home, ...parts);
  return {
    database: at("paas.db"),
    secretKey: at("secret.key"),
    socket: at("paasd.sock"),
    pidFile: at("paasd.pid"),
    operatorLog: at("paasd.log"),
    routerDir: at("router"),
    routerPidFile: at("router.pid"),
    routerSocket: at("router", "router.sock"),
    repos: at("repos"),
    work: at("work"),
    builds: at("builds"),
    logs: at("logs"),
    hostKey: at("ssh_host_ed25519_key"),
  };
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Reads the daemon's variables. All problems are reported at once, each naming its variable. */
export function readConfig(env: NodeJS.ProcessEnv, isRoot: boolean): ConfigResult {
  const problems: string[] = [];
  const integer = (name: string, fallback: number, max: number): number => {
    const raw = env[name];
    if (raw === undefined || raw === "") return fallback;
    const value = Number(raw);
    if (Number.isInteger(value) && value >= 0 && value <= max) return value;
    problems.push(`${name}=${raw} is not a whole number from 0 to ${max}`);
    return fallback;
  };
  const size = (name: string): number | undefined => {
    const raw = env[name];
    if (raw === undefined || raw === "") return undefined;
    const bytes = parseSize(raw);
    if (bytes === undefined) problems.push(`${name}=${raw} is not a size like 512M or 10G`);
    return bytes;
  };
  const list = (name: string, isGood: (raw: string) => boolean, what: string): readonly string[] => {
    const parts = (env[name] ?? "").split(",").map((part) => part.trim());
    const given = parts.filter((part) => part !== "");
    if (given.every(isGood)) return given;
    problems.push(`${name}=${env[name]} is not ${what}`);
    return [];
  };
  const isOn = (name: string): boolean => {
    const raw = env[name] ?? "";
    if (!["", "on", "off"].includes(raw)) problems.push(`${name}=${raw} is neither on nor off`);
    return raw === "on";
  };
  const domain = (env["PAAS_DOMAIN"] ?? "localhost").toLowerCase();
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(domain)) problems.push(`PAAS_DOMAIN=${domain} is not a domain name`);
  const logLevel = env["PAAS_LOG_LEVEL"] ?? "info";
  if (!isLevel(logLevel)) problems.push(`PAAS_LOG_LEVEL=${logLevel} is not one of debug, info, warn, error`);
  const httpsPort = env["PAAS_HTTPS_PORT"] === "off" ? undefined : integer("PAAS_HTTPS_PORT", 443, 65_535);
  const config: Config = {
    home: path.resolve(env["PAAS_HOME"] ?? defaultHome(isRoot)),
    domain,
    listen: env["PAAS_LISTEN"] ?? "0.0.0.0",
    httpPort: integer("PAAS_HTTP_PORT", 80, 65_535),
    httpsPort,
    acme: readAcme(env, problems),
    sshPort: integer("PAAS_SSH_PORT", 2222, 65_535),
    apiPort: integer("PAAS_API_PORT", 7070, 65_535),
    trustedProxies: list("PAAS_TRUSTED_PROXIES", isNetwork, "a list of addresses and networks"),
    proxyProtocol: isOn("PAAS_PROXY_PROTOCOL"),
    routerWorkers: integer("PAAS_ROUTER_WORKERS", workersFor(availableParallelism()), 64),
    parallelBuilds: integer("PAAS_PARALLEL_BUILDS", 0, 64) || undefined,
    diskFloorBytes: size("PAAS_DISK_FLOOR"),
    sourceHosts: (env["PAAS_SOURCE_HOSTS"] ?? "")
      .toLowerCase()
      .split(/[\s,]+/)
      .filter((host) => host !== ""),
    cacheBudgetBytes: size("PAAS_CACHE_BUDGET"),
    keepDroplets: integer("PAAS_KEEP_DROPLETS", 5, 1000),
    logLevel: isLevel(logLevel) ? logLevel : "info",
  };
  return problems.length > 0 ? { ok: false, problems } : { ok: true, config };
}

/** `10.0.0.0/8`, `2001:db8::/32` or one address. */
export function isNetwork(raw: string): boolean {
  const [address = "", prefix, more] = raw.split("/");
  const family = isIP(address);
  if (family === 0 || more !== undefined) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 6 ? 128 : 32);
}

/** A second worker on a small box takes memory and brings nothing: the apps need the other core. */
function workersFor(cores: number): number {
  return cores <= 2 ? 1 : Math.min(cores, 64);
}

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory";

function readAcme(env: NodeJS.ProcessEnv, problems: string[]): AcmeConfig {
  const directory = env["PAAS_ACME_DIRECTORY"] || letsEncrypt;
  if (directory !== "off" && !/^https:\/\/[^\s]+$/.test(directory))
    problems.push(`PAAS_ACME_DIRECTORY=${directory} is neither off nor an https URL`);
  const email = env["PAAS_ACME_EMAIL"] || undefined;
  if (email !== undefined && !/^[^@\s,]+@[^@\s,]+$/.test(email))
    problems.push(`PAAS_ACME_EMAIL=${email} is not an address`);
  const dnsHook = env["PAAS_ACME_DNS_HOOK"] || undefined;
  const challenge = env["PAAS_ACME_CHALLENGE"] || "http-01";
  if (!isChallenge(challenge))
    problems.push(`PAAS_ACME_CHALLENGE=${challenge} is not one of http-01, tls-alpn-01, dns-01`);
  if (challenge === "dns-01" && dnsHook === undefined)
    problems.push("PAAS_ACME_CHALLENGE=dns-01 needs PAAS_ACME_DNS_HOOK");
  return {
    directory: directory === "off" ? undefined : directory,
    email,
    caFile: env["PAAS_ACME_CA_FILE"] || undefined,
    challenge: isChallenge(challenge) ? challenge : "http-01",
    dnsHook,
    dnsServers: (env["PAAS_ACME_DNS_SERVERS"] ?? "").split(",").filter((server) => server !== ""),
  };
}

function isChallenge(raw: string): raw is AcmeConfig["challenge"] {
  return ["http-01", "tls-alpn-01", "dns-01"].includes(raw);
}

function defaultHome(isRoot: boolean): string {
  return isRoot ? "/var/lib/paas" : path.join(homedir(), ".local", "share", "paas");
}

function isLevel(raw: string): raw is Config["logLevel"] {
  return ["debug", "info", "warn", "error"].includes(raw);
}
