import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { BuildLimits } from "../../builds/limits.ts";

/** Where an engine with the cgroupfs driver runs the steps of all BuildKit builds. */
const group = "docker/buildkit";
const periodUs = 100_000;
/** A quarter of what an app has: 1024 in version 1, 100 in version 2. */
const shares = 256;
const weight = 25;
const usualShares = 1024;
const usualWeight = 100;

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

  /** After the last one the group is as the engine had it: other people's builds run in it too. */
  async leave(limits: BuildLimits): Promise<void> {
    if (this.#running.delete(limits)) await this.#apply().catch(() => {});
  }

  /** How often the steps of all builds have met the limit of memory: kills in version 2, refusals in version 1. */
  async memoryHits(): Promise<number> {
    const read = (...at: string[]) => readFile(path.join(this.#root, ...at), "utf8").catch(() => "");
    const [events, refused] = await Promise.all([
      read(group, "memory.events"),
      read("memory", group, "memory.failcnt"),
    ]);
    return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0) + (Number(refused) || 0);
  }

  async #apply(): Promise<void> {
    const all = [...this.#running];
    const isUnified = await exists(path.join(this.#root, "cgroup.controllers"));
    const sum = (of: (limits: BuildLimits) => number, none: string): string =>
      all.length === 0 ? none : String(Math.round(all.reduce((total, each) => total + of(each), 0)));
    const memory = sum((l) => l.memoryBytes, isUnified ? "max" : "-1");
    const quota = sum((l) => l.cpus * periodUs, isUnified ? "max" : "-1");
    const pids = sum((l) => l.pids, "max");
    const at = (controller: string) => path.join(this.#root, ...(isUnified ? [] : [controller]), group);
    for (const controller of isUnified ? [""] : ["memory", "cpu", "pids"])
      await mkdir(at(controller), { recursive: true });
    const files = isUnified
      ? [
          ["", "memory.max", memory],
          ["", "cpu.max", `${quota} ${periodUs}`],
          ["", "cpu.weight", String(all.length === 0 ? usualWeight : weight)],
          ["", "pids.max", pids],
        ]
      : [
          ["memory", "memory.limit_in_bytes", memory],
          ["cpu", "cpu.cfs_period_us", String(periodUs)],
          ["cpu", "cpu.cfs_quota_us", quota],
          ["cpu", "cpu.shares", String(all.length === 0 ? usualShares : shares)],
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
