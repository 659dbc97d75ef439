import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../core/errors.ts";
import type { Output } from "../core/output.ts";
import { type AptDeps, ensurePackages } from "./apt.ts";
import type { Exec } from "./ports.ts";
import { dpkgOptions, stackRelease } from "./stack-plan.ts";

export interface Bootstrap extends AptDeps {
  readonly exec: Exec;
  /** A folder on a disk with room for some 500 MB; not a tmpfs. */
  readonly workDir: string;
}

const bootstrapTimeoutMs = 10 * 60_000;

/** argv of mmdebstrap: what debootstrap makes, in a quarter of the time. */
export function bootstrapArgv(sources: readonly string[], tarFile: string): readonly string[] {
  const options = dpkgOptions.map((option) => `--dpkgopt=${option}`);
  return [
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
    ...options,
    stackRelease,
    tarFile,
    ...sources,
  ];
}

/**
 * Makes a minimal Debian from its packages and hands its tar file to `use`; nothing is left on disk afterwards.
 * @throws STACK_FAILED when mmdebstrap is missing and cannot be installed, or fails
 */
export async function bootstrapBase(
  deps: Bootstrap,
  sources: readonly string[],
  out: Output,
  signal: AbortSignal,
  use: (tarFile: string) => Promise<void>,
): Promise<void> {
  await ensurePackages(deps, ["mmdebstrap", "debian-archive-keyring"], out, signal);
  const dir = await mkdtemp(path.join(deps.workDir, "paas-stack-"));
  try {
    const tarFile = path.join(dir, "root.tar");
    const result = await deps.exec(bootstrapArgv(sources, tarFile), {
      timeoutMs: bootstrapTimeoutMs,
      signal,
      env: { TMPDIR: dir },
    });
    if (result.code !== 0) {
      for (const line of result.stderr.trimEnd().split("\n").slice(-20)) out.detail(line);
      throw new AppError("STACK_FAILED", { phase: "base system", cause: `mmdebstrap ended with ${result.code}` });
    }
    await use(tarFile);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
