import { randomUUID } from "node:crypto";
import { execFile } from "node:child_process";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import semver from "semver";
import { z } from "zod";
import { messageOf } from "../core/errors.ts";
import type { Instant } from "../core/types.ts";
import type { Available } from "./plan.ts";

/** What the stack's own packages and those of its distribution bring. */
export type StackVersions = Pick<Available, "python" | "go" | "rust" | "java" | "ruby" | "php">;

export interface AvailableOptions {
  /** Kept there as JSON; its folder is made. */
  readonly cacheFile: string;
  readonly stack: StackVersions;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Answers the base URL of the npm registry; asked only when the cache is old. */
  readonly registry: (signal: AbortSignal) => Promise<string>;
  readonly now: () => Instant;
  /** `x64` or `arm64`. */
  readonly arch: string;
}

export const debian13: StackVersions = {
  python: "3.13",
  go: "1.24",
  // The second follows the browsers' needs and moves on with Debian's updates.
  rust: [
    { version: "1.85", packages: ["rustc", "cargo"] },
    { version: "1.96", packages: ["rustc-web", "cargo-web"] },
  ],
  java: ["21", "25"],
  ruby: "3.3",
  php: "8.4",
};

const freshMs = 60 * 60_000;
const fetchTimeoutMs = 8_000;
// Older ones have no npm that the registry still serves well.
const oldest = "10.0.0";

const cacheSchema = z.object({
  fetchedAt: z.number(),
  npmRegistry: z.string(),
  node: z.array(z.string()).min(1),
  bun: z.array(z.string()),
  deno: z.array(z.string()),
});
type Cache = z.infer<typeof cacheSchema>;

/**
 * The versions that can be had. Those of Node, bun and Deno come from the npm registry and are kept for an hour; an older copy is used
 * when the registry does not answer. Without either the answer says why, and whose plan needs them refuses.
 */
export async function readAvailable(
  options: AvailableOptions,
  needsRegistry: boolean,
  signal: AbortSignal,
): Promise<Available> {
  const listed = needsRegistry ? await listedVersions(options, signal) : nothingListed;
  return { ...listed, ...options.stack };
}

type Listed = Omit<Available, keyof StackVersions>;

const nothingListed: Listed = { node: [], bun: [], deno: [], npmRegistry: "" };

async function listedVersions(options: AvailableOptions, signal: AbortSignal): Promise<Listed> {
  const kept = await readCache(options.cacheFile);
  const isFresh = kept !== undefined && Math.abs(options.now() - kept.fetchedAt) < freshMs;
  if (isFresh) return versionsOf(kept);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(fetchTimeoutMs)]);
  let registry = "";
  try {
    registry = await options.registry(deadline);
    return versionsOf(await refresh(options, registry, deadline));
  } catch (err) {
    signal.throwIfAborted();
    if (kept !== undefined) return versionsOf(kept);
    const registryProblem = `${registry === "" ? "the npm registry" : registry}: ${messageOf(err)}`;
    return { ...nothingListed, npmRegistry: registry, registryProblem };
  }
}

function versionsOf({ node, bun, deno, npmRegistry }: Cache): Listed {
  return { node, bun, deno, npmRegistry };
}

/** The registry that npm on this machine uses, with a slash at the end. */
export async function npmRegistry(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const named = env["npm_config_registry"] ?? env["NPM_CONFIG_REGISTRY"];
  const base = named === undefined || named === "" ? await askNpm(signal) : named;
  return base.endsWith("/") ? base : `${base}/`;
}

async function askNpm(signal: AbortSignal): Promise<string> {
  const { stdout } = await promisify(execFile)("npm", ["config", "get", "registry"], {
    signal,
    timeout: fetchTimeoutMs,
  });
  return stdout.trim();
}

async function refresh(options: AvailableOptions, npmRegistry: string, signal: AbortSignal): Promise<Cache> {
  const list = (name: string, from: string) => fetchVersions(options, `${npmRegistry}${name}`, from, signal);
  const [node, bun, deno] = await Promise.all([
    list(`node-linux-${options.arch}`, oldest),
    list(`@oven%2fbun-linux-${options.arch === "arm64" ? "aarch64" : options.arch}`, "1.0.0").catch(noVersion),
    list(`@deno%2flinux-${options.arch}-glibc`, "2.0.0").catch(noVersion),
  ]);
  const cache: Cache = { fetchedAt: options.now(), npmRegistry, node, bun, deno };
  await writeCache(options.cacheFile, cache);
  return cache;
}

async function fetchVersions(options: AvailableOptions, url: string, from: string, signal: AbortSignal) {
  const response = await options.fetch(url, { headers: { accept: "application/vnd.npm.install-v1+json" }, signal });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  const { versions } = z.object({ versions: z.record(z.string(), z.unknown()) }).parse(await response.json());
  const stable = Object.keys(versions).filter((v) => semver.prerelease(v) === null && semver.gte(v, from));
  if (stable.length === 0) throw new Error("it lists no version");
  return semver.rsort(stable);
}

/** Few apps need them: a push of any other does not fail for their list. */
const noVersion = (): string[] => [];

async function readCache(file: string): Promise<Cache | undefined> {
  try {
    return cacheSchema.safeParse(JSON.parse(await readFile(file, "utf8"))).data;
  } catch {
    // None yet, or torn: it is fetched again.
    return undefined;
  }
}

async function writeCache(file: string, cache: Cache): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  // Two builds may ask at once.
  const draft = `${file}.${randomUUID()}.tmp`;
  await writeFile(draft, JSON.stringify(cache));
  await rename(draft, file);
}
