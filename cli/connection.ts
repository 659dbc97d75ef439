import { usageError } from "./failure.ts";

/** Where the daemon is, and as whom to talk to it. Without a token the socket makes us the owner. */
export type Connection =
  | { readonly kind: "unix"; readonly socketPath: string; readonly token: string | undefined }
  | { readonly kind: "http"; readonly url: URL; readonly token: string | undefined };

export interface Login {
  readonly url: string;
  readonly token: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * `PAAS_URL` and `PAAS_TOKEN`, else a home that was named with `PAAS_HOME`, else the login, else the socket in the default home.
 * @throws CliError when PAAS_URL is no address
 */
export function findConnection(env: Env, login: () => Login | undefined, isRoot: boolean): Connection {
  const { PAAS_URL: url, PAAS_TOKEN: token, PAAS_HOME: home } = env;
  if (url) return parseAddress(url, token);
  if (home) return { kind: "unix", socketPath: socketIn(home), token };
  const found = login();
  if (found) return parseAddress(found.url, token ?? found.token);
  return { kind: "unix", socketPath: socketIn(defaultHome(env, isRoot)), token };
}

export function parseAddress(raw: string, token: string | undefined): Connection {
  if (raw.startsWith("unix:/")) return { kind: "unix", socketPath: raw.slice("unix:".length), token };
  const url = URL.parse(raw);
  if (url && ["http:", "https:"].includes(url.protocol)) return { kind: "http", url, token };
  throw usageError(`"${raw}" is not the address of a daemon.`, "Write it like http://paas.example.test or unix:/path.");
}

/** The same rule as the daemon's own settings have. */
export function defaultHome(env: Env, isRoot: boolean): string {
  return isRoot ? "/var/lib/paas" : `${env["HOME"] ?? ""}/.local/share/paas`;
}

function socketIn(home: string): string {
  return `${home.replace(/\/+$/, "")}/paasd.sock`;
}

/** For messages. */
export function describeConnection(connection: Connection): string {
  return connection.kind === "unix" ? connection.socketPath : connection.url.origin;
}
