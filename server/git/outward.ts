import { isIP } from "node:net";
import type { Repositories } from "./repositories.ts";
import type { GitCall } from "./run-git.ts";

const fetchConfig = ["gc.auto=0", "http.lowSpeedLimit=1", "http.lowSpeedTime=60"];

export interface RemoteHost {
  readonly host: string;
  /** Of http and https, where the address can be told to git. */
  readonly port: number | undefined;
}

/** Whom a URL leads to; undefined for a path. `git@host:path` is ssh. */
export function hostOf(url: string): RemoteHost | undefined {
  if (!URL.canParse(url)) {
    const [, host] = /^(?:[^/@]+@)?([^/:@]+):/.exec(url) ?? [];
    return host === undefined ? undefined : { host, port: undefined };
  }
  const { protocol, hostname, port } = new URL(url);
  if (hostname === "") return undefined;
  const usual = { "http:": 80, "https:": 443 }[protocol];
  return { host: hostname, port: usual === undefined ? undefined : Number(port || usual) };
}

/**
 * How git reaches other people's servers: with the operator's own configuration, which may hold what private repositories
 * need, and only where the host's address is one that may be fetched from. Over http git connects to the address that was
 * looked at, and follows no redirect to another one; over ssh an unknown host's key is refused.
 * @throws AppError SOURCE_HOST_PRIVATE, SOURCE_UNREACHABLE
 */
export async function outwardCall(
  repositories: Pick<Repositories, "addressOf">,
  url: string,
  call: Omit<GitCall, "config">,
): Promise<GitCall> {
  const { GIT_CONFIG_GLOBAL: _ownOnly, ...env } = call.env;
  const safe = { ...env, GIT_ALLOW_PROTOCOL: "http:https:ssh:git", GIT_SSH_COMMAND: "ssh -o BatchMode=yes" };
  return { ...call, env: safe, config: [...fetchConfig, ...(await pinned(repositories, url))] };
}

async function pinned({ addressOf }: Pick<Repositories, "addressOf">, url: string): Promise<readonly string[]> {
  const remote = hostOf(url);
  if (remote === undefined || addressOf === undefined) return [];
  const address = await addressOf(remote.host);
  if (remote.port === undefined) return [];
  const redirects = "http.followRedirects=false";
  const plain = remote.host.replace(/^\[|\]$/g, "");
  if (isIP(plain) !== 0) return [redirects];
  const shown = address.includes(":") ? `[${address}]` : address;
  return [redirects, `http.curloptResolve=${plain}:${remote.port}:${shown}`];
}
