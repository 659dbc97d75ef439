import { mkdir, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { BuildLimits } from "../../builds/limits.ts";

/** Where an engine with the cgroupfs driver runs the steps of all BuildKit builds. */
const group = "docker/buildkit";
const periodUs = 100_000;
/** A quarter of what an app has: 1024 in version 1, 100 in version 2. */
const shares = 256;
const weight = 25;

/**
 * BuildKit keeps to no limit of one build, but its steps run under one cgroup: that gets the sum of what the builds
 * that are running may take.
 */
export class BuildkitGroup {
  readonly #root: string;
  readonly #running = new Set<BuildLimits>();

  constructor(root = "/sys/fs/cgroup") {
    this.#root = root;
  }

  /** False where the group cannot be limited: no cgroupfs driver, another machine, not root. */
  async enter(limits: BuildLimits): Promise<boolean> {
    this.#running.add(limits);
    try {
      await this.#apply();
      return true;
    } catch {
      this.#running.delete(limits);
      return false;
    }
  }

  async leave(limits: BuildLimits): Promise<void> {
    // The last one's limits stay: what is over has no process to keep to them, and what comes sets its own.
    if (!this.#running.delete(limits) || this.#running.size === 0) return;
    await this.#apply().catch(() => {});
  }

  async #apply(): Promise<void> {
    const all = [...this.#running];
    const sum = (of: (limits: BuildLimits) => number): number => all.reduce((total, each) => total + of(each), 0);
    const memory = String(sum((l) => l.memoryBytes));
    const quota = Math.round(sum((l) => l.cpus) * periodUs);
    const pids = String(sum((l) => l.pids));
    const isUnified = await exists(path.join(this.#root, "cgroup.controllers"));
    const at = (controller: string) => path.join(this.#root, ...(isUnified ? [] : [controller]), group);
    for (const controller of isUnified ? [""] : ["memory", "cpu", "pids"])
      await mkdir(at(controller), { recursive: true });
    const files = isUnified
      ? [
          ["", "memory.max", memory],
          ["", "cpu.max", `${quota} ${periodUs}`],
          ["", "cpu.weight", String(weight)],
          ["", "pids.max", pids],
        ]
      : [
          ["memory", "memory.limit_in_bytes", memory],
          ["cpu", "cpu.cfs_period_us", String(periodUs)],
          ["cpu", "cpu.cfs_quota_us", String(quota)],
          ["cpu", "cpu.shares", String(shares)],
          ["pids", "pids.max", pids],
        ];
    for (const [controller = "", file = "", value = ""] of files)
      await writeFile(path.join(at(controller), file), value);
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
