import path from "node:path";
import { remoteApp } from "./app-name.ts";
import type { Connection } from "./connection.ts";
import type { Context } from "./context.ts";
import type { LocalMachine } from "./local.ts";
import { root } from "./root.ts";
import { shellQuote } from "./output/shell.ts";

export type RemoteOutcome =
  | { readonly kind: "set"; readonly url: string }
  | { readonly kind: "taken"; readonly url: string }
  | { readonly kind: "no-repository" };

interface Addresses {
  readonly app: { readonly name: string };
  readonly gitSsh: string;
  readonly gitHttp: string;
}

interface RemoteOptions {
  /** Undefined chooses ssh when one of the user's keys is registered. */
  readonly protocol: "ssh" | "http" | undefined;
  /** Replaces a remote that points to another app. */
  readonly isForced: boolean;
}

const local = ["127.0.0.1", "localhost", "[::1]"];

/** The daemon names itself as it is on its own machine; who logged in from elsewhere reaches it where the login does. */
export function addressesFrom<A extends Addresses>(connection: Connection, info: A): A {
  if (connection.kind !== "http") return info;
  const gitSsh = new URL(info.gitSsh);
  if (local.includes(gitSsh.hostname)) gitSsh.hostname = connection.url.hostname;
  return { ...info, gitSsh: gitSsh.href, gitHttp: `${connection.url.origin}/${info.app.name}.git` };
}

/** Makes `git push paas main` work in this repository: the remote, and for http the credential helper. */
export async function addRemote(context: Context, info: Addresses, options: RemoteOptions): Promise<RemoteOutcome> {
  const { local } = context;
  if ((await local.git("rev-parse", "--git-dir")) === undefined) return { kind: "no-repository" };
  const before = await local.git("config", "--get", "remote.paas.url");
  if (before !== undefined && !options.isForced && remoteApp(before) !== info.app.name)
    return { kind: "taken", url: before };
  const protocol = options.protocol ?? ((await hasRegisteredKey(context)) ? "ssh" : "http");
  const { gitSsh, gitHttp } = addressesFrom(context.client.connection, info);
  const url = protocol === "ssh" ? gitSsh : gitHttp;
  if (before === undefined) await local.git("remote", "add", "paas", url);
  else await local.git("remote", "set-url", "paas", url);
  if (protocol === "http") await setCredentialHelper(context, url);
  return { kind: "set", url };
}

/** After a rename: the remote of this repository follows, if it pointed to the app. */
export async function renameRemote(context: Context, from: string, info: Addresses): Promise<void> {
  const url = await context.local.git("config", "--get", "remote.paas.url");
  if (url === undefined || remoteApp(url) !== from) return;
  const { gitSsh, gitHttp } = addressesFrom(context.client.connection, info);
  await context.local.git("remote", "set-url", "paas", url.startsWith("http") ? gitHttp : gitSsh);
}

/** The empty helper first: without it git would also ask, and store our short-lived tokens in, the user's own helpers. */
async function setCredentialHelper({ local, io }: Context, url: string): Promise<void> {
  const key = `credential.${new URL(url).origin}.helper`;
  const home = io.env["PAAS_HOME"];
  const environment = home ? `PAAS_HOME=${shellQuote(home)} ` : "";
  await local.git("config", "--replace-all", key, "");
  await local.git("config", "--add", key, `!${environment}${shellQuote(launcher(io.env))} git:credential`);
}

function launcher(env: Readonly<Record<string, string | undefined>>): string {
  return env["PAAS_LAUNCHER"] || path.join(root, "cli", "paas");
}

async function hasRegisteredKey(context: Context): Promise<boolean> {
  const mine = await localFingerprints(context.local);
  if (mine.size === 0) return false;
  const keys = await context.client.call("get", "/v1/keys", { query: {} });
  return keys.some(({ fingerprint }) => mine.has(fingerprint));
}

async function localFingerprints(local: LocalMachine): Promise<ReadonlySet<string>> {
  const folder = path.join(local.home, ".ssh");
  const files = local.list(folder).filter((name) => name.endsWith(".pub"));
  const texts = files.map((name) => local.readFile(path.join(folder, name)) ?? "");
  const found = await Promise.all(texts.map(fingerprintOf));
  return new Set(found.filter((fingerprint) => fingerprint !== undefined));
}

/** `SHA256:…` of one line of a public key file, as `ssh-keygen -lf` prints it. */
export async function fingerprintOf(publicKey: string): Promise<string | undefined> {
  const blob = /^(?:ssh|ecdsa|sk)-\S+\s+([A-Za-z0-9+/=]+)/.exec(publicKey)?.[1];
  if (blob === undefined) return undefined;
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64");
  return `SHA256:${hash.replace(/=+$/, "")}`;
}
