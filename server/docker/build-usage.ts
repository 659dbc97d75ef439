import { execFile } from "node:child_process";
import { readFile, statfs } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type Docker from "dockerode";
import type { DiskSpace, ImageEngine, Usage } from "../builds/image-engine.ts";
import type { AppId } from "../core/ids.ts";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";
import { cacheVolume } from "./build-containers.ts";

type UsagePart = Pick<ImageEngine, "disk" | "usage" | "writtenBytes" | "cacheBytes" | "caches" | "removeCacheVolume">;

const quickMs = 60_000;
const neverAborted = new AbortController().signal;
const execFileAsync = promisify(execFile);

/** What builds take of the machine, read where the kernel keeps it. Undefined where that cannot be seen from here. */
export function buildUsage(docker: Docker, home: string): UsagePart {
  let root: Promise<string> | undefined;
  const pids = new Map<string, number>();
  return {
    async disk() {
      root ??= engineRoot(docker);
      return await space(await root);
    },
    async usage(id) {
      const pid = pids.get(id) ?? (await mainPid(docker, id));
      if (pid === undefined) return undefined;
      if (pids.size > 64) pids.clear();
      pids.set(id, pid);
      return await usageOf(pid);
    },
    writtenBytes: (id) =>
      bounded("measure a build container", quickMs, neverAborted, async () => {
        const found = await inspect(docker, id, true);
        return found?.SizeRw;
      }),
    async cacheBytes(appId) {
      const at = await mountpoint(docker, cacheVolume(appId));
      return at === undefined ? undefined : await folderBytes(at);
    },
    caches: () =>
      bounded("list caches", quickMs, neverAborted, async () => {
        const filters = { label: [`${labels.kind}=cache`, `${labels.home}=${home}`] };
        const { Volumes } = await docker.listVolumes({ filters });
        return Volumes.flatMap(({ Labels }) => (Labels?.[labels.app] as AppId | undefined) ?? []);
      }),
    removeCacheVolume: (appId) =>
      bounded("remove a cache", quickMs, neverAborted, async () => {
        try {
          await docker.getVolume(cacheVolume(appId)).remove();
          return true;
        } catch (err) {
          if (isStatus(err, 409)) return false;
          if (isStatus(err, 404)) return true;
          throw err;
        }
      }),
  };
}

async function engineRoot(docker: Docker): Promise<string> {
  const info = (await docker.info()) as { readonly DockerRootDir?: string };
  return info.DockerRootDir ?? "/var/lib/docker";
}

/** Space of the file system that holds a path, as a user without privileges finds it. */
export async function space(at: string): Promise<DiskSpace | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(at);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return undefined;
  }
}

/** What a folder takes, 0 when there is none; undefined when this user may not look. `du` walks it in a process of its own. */
export async function folderBytes(at: string): Promise<number | undefined> {
  try {
    const { stdout } = await execFileAsync("du", ["-s", "-x", "-B1", "--", at], { timeout: quickMs });
    return Number(stdout.split("\t")[0]);
  } catch (err) {
    // Files that vanish while it walks make it end with 1; the sum stands all the same.
    const [sum = ""] = String(err instanceof Error && "stdout" in err ? err.stdout : "").split("\t");
    return /^[0-9]+$/.test(sum) ? Number(sum) : undefined;
  }
}

async function mountpoint(docker: Docker, volume: string): Promise<string | undefined> {
  try {
    const { Mountpoint } = await docker.getVolume(volume).inspect();
    return Mountpoint;
  } catch (err) {
    if (isStatus(err, 404)) return undefined;
    throw err;
  }
}

async function mainPid(docker: Docker, id: string): Promise<number | undefined> {
  const { State } = (await inspect(docker, id, false)) ?? {};
  return State?.Running === true ? State.Pid : undefined;
}

type Inspected = Docker.ContainerInspectInfo & { readonly SizeRw?: number };

async function inspect(docker: Docker, id: string, size: boolean): Promise<Inspected | undefined> {
  try {
    // The engine knows `size`, the types do not.
    const options: Docker.ContainerInspectOptions & { readonly size: boolean } = { size };
    const found: Inspected = await docker.getContainer(id).inspect(options);
    return found;
  } catch (err) {
    if (isStatus(err, 404)) return undefined;
    throw err;
  }
}

const cgroups = "/sys/fs/cgroup";

/** Counters of the cgroup that a process is in, v1 or v2. */
export async function usageOf(pid: number): Promise<Usage | undefined> {
  try {
    const groups = parseGroups(await readFile(`/proc/${pid}/cgroup`, "utf8"));
    const [pids, memory] = [folderOf(groups, "pids"), folderOf(groups, "memory")];
    const read = (folder: string, name: string) => readFile(path.join(folder, name), "utf8").catch(() => "");
    const [current, pidEvents, memoryEvents, oomControl] = await Promise.all([
      read(pids, "pids.current"),
      read(pids, "pids.events"),
      read(memory, "memory.events"),
      read(memory, "memory.oom_control"),
    ]);
    return {
      pids: Number(current),
      refusedPids: counter(pidEvents, "max"),
      memoryKills: counter(`${memoryEvents}\n${oomControl}`, "oom_kill"),
    };
  } catch {
    return undefined;
  }
}

function counter(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

/** Controller → path; `""` is that of version 2. */
export function parseGroups(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.trim().split("\n")) {
    const [, controllers = "", at = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers.split(",")) found.set(controller, at);
  }
  return found;
}

function folderOf(groups: ReadonlyMap<string, string>, controller: string): string {
  const v1 = groups.get(controller);
  return v1 === undefined ? path.join(cgroups, groups.get("") ?? "/") : path.join(cgroups, controller, v1);
}
