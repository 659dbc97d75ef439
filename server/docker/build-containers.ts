import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { CommitSpec, ContainerSpec, ImageEngine, RunSpec } from "../builds/image-engine.ts";
import type { AppId } from "../core/ids.ts";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";
import { copyBetween, makeFolders, putTar } from "./build-transfers.ts";
import { envList, execIn } from "./build-exec.ts";

type ContainerPart = Pick<
  ImageEngine,
  "create" | "start" | "put" | "makeFolders" | "copy" | "exec" | "commit" | "removeContainer" | "buildContainers"
>;

const quickMs = 60_000;
const inUsePatienceMs = 10_000;
const transferMs = 15 * 60_000;
const neverAborted = new AbortController().signal;
/** It outlives the build's own deadline, so that nothing runs on when the daemon is gone. */
const graceSeconds = 60;

/** Containers that builds run in or fill. */
export function buildContainers(docker: Docker, home: string): ContainerPart {
  return {
    create: (spec) => create(docker, home, spec),
    start: (id, signal) =>
      bounded("start the build container", quickMs, signal, async (abortSignal) => {
        await docker.getContainer(id).start({ abortSignal });
      }),
    put: (id, tar, signal) => putTar(docker, id, "/", tar, signal),
    makeFolders: (id, folders, owner, signal) => makeFolders(docker, id, folders, owner, signal),
    copy: (at, from, to, signal) => copyBetween(docker, at, from, to, signal),
    exec: (id, spec, onOutput, signal) => execIn(docker, id, spec, onOutput, signal),
    commit: (id, spec) => commit(docker, home, id, spec),
    removeContainer: (id) => removeContainer(docker, id),
    buildContainers: () => list(docker, home),
  };
}

function create(docker: Docker, home: string, spec: ContainerSpec): Promise<string> {
  return bounded("create the build container", quickMs, neverAborted, async () => {
    const own = { [labels.home]: home, [labels.app]: spec.owner.appId };
    if (spec.run?.withCache === true) {
      const Labels = { ...own, [labels.kind]: "cache" };
      await docker.createVolume({ Name: cacheVolume(spec.owner.appId), Labels });
    }
    const container = await docker.createContainer({
      Image: spec.image,
      Labels: { ...own, [labels.kind]: "build", [labels.build]: spec.owner.buildId },
      User: "root",
      WorkingDir: "/app",
      Entrypoint: ["/bin/sleep"],
      Cmd: [String(Math.ceil((spec.run?.limits.timeoutMs ?? 0) / 1000) + graceSeconds)],
      HostConfig: { LogConfig: { Type: "none", Config: {} }, ...(spec.run && limited(spec.run, spec.owner.appId)) },
    });
    return container.id;
  });
}

/** Of 1024 and 500 that an app has: while both want the machine, the running app comes first. */
export const cpuShares = 256;
const blkioWeight = 100;

/** What a package manager's install needs as root, and no more. */
const capabilities = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"];

function limited({ limits, withCache }: RunSpec, appId: AppId): Docker.HostConfig {
  return {
    Init: true,
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    NanoCpus: Math.round(limits.cpus * 1e9),
    CpuShares: cpuShares,
    BlkioWeight: blkioWeight,
    PidsLimit: limits.pids,
    OomScoreAdj: 500,
    CapDrop: ["ALL"],
    CapAdd: capabilities,
    SecurityOpt: ["no-new-privileges"],
    Mounts: withCache ? [{ Type: "volume", Source: cacheVolume(appId), Target: "/cache" }] : [],
  };
}

export function cacheVolume(appId: AppId): string {
  return `paas-cache-${appId}`;
}

function commit(docker: Docker, home: string, id: string, spec: CommitSpec): Promise<string> {
  return bounded("keep the build container as an image", transferMs, neverAborted, async () => {
    const [repo, tag] = splitRef(spec.ref);
    const _query = { container: id, repo, tag, pause: "false" };
    const _body = configOf(home, spec);
    const image: { Id: string } = await docker.getContainer(id).commit({ _query, _body });
    return image.Id;
  });
}

function configOf(home: string, spec: CommitSpec) {
  switch (spec.kind) {
    case "layer":
      return sharedConfig({ [labels.kind]: "layer", [labels.layer]: spec.key });
    case "system":
      return sharedConfig({
        [labels.kind]: "system",
        [labels.stack]: spec.from,
        [labels.packages]: spec.packages.join(" "),
      });
    case "droplet":
      return dropletConfig(home, spec);
  }
}

/** The engine adds the labels of the container: those that do not hold for what is everybody's are emptied. */
function sharedConfig(own: Readonly<Record<string, string>>) {
  const Labels = { [labels.home]: "", [labels.app]: "", [labels.build]: "", ...own };
  return { Labels, User: "root", WorkingDir: "/app", Entrypoint: [], Cmd: ["/bin/bash"] };
}

function dropletConfig(home: string, spec: Extract<CommitSpec, { kind: "droplet" }>) {
  const Labels = {
    [labels.kind]: "droplet",
    [labels.home]: home,
    [labels.app]: spec.owner.appId,
    [labels.build]: spec.owner.buildId,
  };
  const { env, command } = spec.config;
  return { Labels, User: "1000:1000", WorkingDir: "/app", Entrypoint: [], Cmd: [...command], Env: envList(env) };
}

function removeContainer(docker: Docker, id: string): Promise<void> {
  return bounded("remove the build container", quickMs, neverAborted, async () => {
    try {
      await docker.getContainer(id).remove({ force: true, v: true });
    } catch (err) {
      // 409: its removal is in progress already.
      if (!isStatus(err, 404, 409)) throw err;
    }
  });
}

async function list(docker: Docker, home: string): Promise<readonly { id: string; buildId: string }[]> {
  const filters = { label: [`${labels.kind}=build`, `${labels.home}=${home}`] };
  const found = await bounded("list build containers", quickMs, neverAborted, () =>
    docker.listContainers({ all: true, filters }),
  );
  return found.map((c) => ({ id: c.Id, buildId: c.Labels[labels.build] ?? "" }));
}

/** A build container that is about to be removed still holds it for a moment. */
export async function removeCacheVolume(docker: Docker, appId: AppId): Promise<void> {
  await bounded("remove a cache volume", quickMs, neverAborted, async () => {
    const patienceEnds = performance.now() + inUsePatienceMs;
    while (!(await isRemoved(docker, cacheVolume(appId), performance.now() < patienceEnds))) await delay(100);
  });
}

async function isRemoved(docker: Docker, volume: string, mayBeInUse: boolean): Promise<boolean> {
  try {
    await docker.getVolume(volume).remove();
  } catch (err) {
    if (mayBeInUse && isStatus(err, 409)) return false;
    if (!isStatus(err, 404)) throw err;
  }
  return true;
}

function splitRef(ref: string): readonly [string, string] {
  const colon = ref.lastIndexOf(":");
  return [ref.slice(0, colon), ref.slice(colon + 1)];
}
