import { AppError } from "../core/errors.ts";
import type { Output } from "../core/output.ts";
import type { Exec } from "./ports.ts";

export interface AptDeps {
  readonly exec: Exec;
  readonly isRoot: boolean;
}

const queryTimeoutMs = 20_000;
const updateTimeoutMs = 3 * 60_000;
const installTimeoutMs = 10 * 60_000;

/**
 * Installs those Debian packages that are missing, without asking anything.
 * @throws PACKAGES_NEEDED when it may not install (not root, or no apt), PACKAGES_FAILED when apt fails
 */
export async function ensurePackages(
  deps: AptDeps,
  packages: readonly string[],
  out: Output,
  signal: AbortSignal,
): Promise<void> {
  const missing = await missingPackages(deps.exec, packages, signal);
  if (missing.length === 0) return;
  const wanted = missing.join(" ");
  if (!deps.isRoot) throw new AppError("PACKAGES_NEEDED", { packages: wanted });
  out.detail(`installing ${wanted}`);
  await apt(deps.exec, ["update"], wanted, updateTimeoutMs, out, signal);
  await apt(deps.exec, ["install", "-y", "--no-install-recommends", ...missing], wanted, installTimeoutMs, out, signal);
}

/** Those of the packages that dpkg does not know as installed; all of them on a machine without dpkg. */
export async function missingPackages(
  exec: Exec,
  packages: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const argv = ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\\n", ...packages];
  const { stdout } = await exec(argv, { timeoutMs: queryTimeoutMs, signal });
  const installed = new Set(stdout.split("\n").flatMap((line) => (/^(\S+) installed$/.exec(line) ?? []).slice(1)));
  return packages.filter((name) => !installed.has(name));
}

async function apt(
  exec: Exec,
  args: readonly string[],
  packages: string,
  timeoutMs: number,
  out: Output,
  signal: AbortSignal,
): Promise<void> {
  // Another apt may be at work, on a machine that has just booted above all.
  const argv = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120", ...args];
  const env = { DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_MODE: "l" };
  const result = await exec(argv, { timeoutMs, signal, env });
  if (result.code === 0) return;
  if (result.code === 127) throw new AppError("PACKAGES_NEEDED", { packages });
  const output = `${result.stdout}\n${result.stderr}`.trimEnd().split("\n").filter(Boolean);
  for (const line of output.slice(-12)) out.detail(line);
  throw new AppError("PACKAGES_FAILED", { packages, code: result.code });
}
