import { readFile } from "node:fs/promises";
import type Docker from "dockerode";
import type { AppId, ProcessType } from "../core/ids.ts";
import { AppError, messageOf } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import type { Engine, InstanceSpec, ObservedContainer } from "../scheduler/engine.ts";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";
import { createExecEngine } from "./exec.ts";
import { listeningSockets } from "./listening.ts";
import type { Networks } from "./networks.ts";
import { splitLogFrames } from "./log-frames.ts";

const shortMs = 30_000;
const startMs = 60_000;

/** What every container of an app gets, instances and tasks alike. */
export function hostConfigOf(memoryMb: number, cpus: number): Docker.HostConfig {
  return {
    Init: true,
    Memory: memoryMb * 1024 * 1024,
    MemorySwap: memoryMb * 1024 * 1024,
    NanoCpus: Math.round(cpus * 1e9),
    PidsLimit: 512,
    SecurityOpt: ["no-new-privileges"],
    CapDrop: ["NET_RAW", "MKNOD", "AUDIT_WRITE"],
    RestartPolicy: { Name: "no" },
    LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "2" } },
  };
}

/** Of a check's command, for its last line. */
const keptOutput = 500;

/** The scheduler's engine on Docker. Containers carry all that is needed to read the observed state back. */
export function createDockerEngine(docker: Docker, home: string, networks: Networks): Engine {
  const commands = createExecEngine(docker, home);
  const startIn = async (network: string, spec: InstanceSpec, signal: AbortSignal): Promise<string> => {
    const container = await bounded("create a container", startMs, signal, () =>
      docker.createContainer(createOptions(spec, home, network)),
    ).catch((err: unknown) => {
      throw isImageGone(err) ? new AppError("DROPLET_GONE", { version: `v${spec.version}` }, { cause: err }) : err;
    });
    try {
      await bounded("start a container", startMs, signal, () => container.start());
    } catch (err) {
      // What never ran is of no use to anybody. What cannot be removed either is found by its labels later.
      await container.remove({ force: true, v: true }).catch(() => undefined);
      throw err;
    }
    return container.id;
  };

  return {
    async list(appId, signal) {
      const filters = { label: [`${labels.home}=${home}`, `${labels.kind}=instance`, `${labels.app}=${appId}`] };
      const found = await bounded("list containers", shortMs, signal, (abortSignal) =>
        docker.listContainers({ all: true, filters, abortSignal }),
      );
      const inspected = await Promise.all(found.map((c) => inspectOrGone(docker, c.Id, signal)));
      return inspected.filter((info) => info !== undefined).map(toObserved);
    },

    async start(spec, signal) {
      const begin = async () => startIn(await networks.of(spec.space, signal), spec, signal);
      return await begin().catch((err: unknown) => {
        // Removed between the look and the start, by hand or with the last container in it.
        if (isStatus(causeOf(err), 404) && /network .* not found/.test(messageOf(err))) return begin();
        throw err;
      });
    },

    stop: (id, graceMs, signal) =>
      ignoring([304, 404], () =>
        bounded("stop a container", graceMs + shortMs, signal, () =>
          docker.getContainer(id).stop({ t: Math.ceil(graceMs / 1000) }),
        ),
      ),

    kill: (id, signal) =>
      ignoring([304, 404, 409], () =>
        bounded("kill a container", shortMs, signal, () => docker.getContainer(id).kill()),
      ),

    remove: (id, signal) =>
      // 409: its removal is under way already.
      ignoring([404, 409], () =>
        bounded("remove a container", shortMs, signal, () => docker.getContainer(id).remove({ force: true, v: true })),
      ),

    async tail(id, lines, signal) {
      const raw = await bounded("read a container's output", shortMs, signal, () =>
        docker.getContainer(id).logs({ stdout: true, stderr: true, tail: lines, follow: false }),
      ).catch((err: unknown) => {
        if (isStatus(causeOf(err), 404, 409)) return Buffer.alloc(0);
        throw err;
      });
      return splitLogFrames(raw).slice(-lines);
    },

    async exec(id, argv, timeoutMs) {
      let last = "";
      const keep = (chunk: Uint8Array): void =>
        void (last = `${last}${Buffer.from(chunk).toString()}`.slice(-keptOutput));
      const streams = { stdin: undefined, stdout: keep, stderr: keep, tty: undefined };
      const code = await commands.exec(id, argv, streams, AbortSignal.timeout(timeoutMs));
      return { code, lastLine: last.trim().split("\n").at(-1)?.trim() ?? "" };
    },

    async listening(id, signal) {
      const info = await inspectOrGone(docker, id, signal);
      const pid = info?.State.Pid ?? 0;
      if (pid === 0) return [];
      const tables = await Promise.all(
        ["tcp", "tcp6"].map((name) => readFile(`/proc/${pid}/net/${name}`, "utf8").catch(() => "")),
      );
      return listeningSockets(tables);
    },
  };
}

function createOptions(spec: InstanceSpec, home: string, network: string): Docker.ContainerCreateOptions {
  const slot = `${spec.type}.${spec.index}`;
  return {
    name: `paas-${home.slice(0, 6)}-${spec.appName}-v${spec.version}-${spec.type}-${spec.index}-${newId().slice(0, 5)}`,
    Image: spec.imageId,
    ...(spec.command === undefined ? {} : { Entrypoint: [...spec.command] }),
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    Labels: {
      [labels.home]: home,
      [labels.kind]: "instance",
      [labels.app]: spec.appId,
      [labels.appName]: spec.appName,
      [labels.cohort]: spec.cohort,
      [labels.version]: String(spec.version),
      [labels.type]: spec.type,
      [labels.index]: String(spec.index),
      [labels.crashes]: String(spec.crashes),
      [labels.port]: spec.port === undefined ? "" : String(spec.port),
    },
    HostConfig: { ...hostConfigOf(spec.memoryMb, spec.cpus), NetworkMode: network },
    NetworkingConfig: {
      EndpointsConfig: {
        [network]: {
          Aliases: [
            `${spec.type}.${spec.appName}.internal`,
            `${spec.index}.${slot.split(".")[0]}.${spec.appName}.internal`,
          ],
        },
      },
    },
  };
}

async function inspectOrGone(
  docker: Docker,
  id: string,
  signal: AbortSignal,
): Promise<Docker.ContainerInspectInfo | undefined> {
  try {
    return await bounded("inspect a container", shortMs, signal, (abortSignal) =>
      docker.getContainer(id).inspect({ abortSignal }),
    );
  } catch (err) {
    if (isStatus(causeOf(err), 404)) return undefined;
    throw err;
  }
}

function toObserved(info: Docker.ContainerInspectInfo): ObservedContainer {
  const label = (name: string) => info.Config.Labels[name] ?? "";
  const state = info.State.Running ? "running" : info.State.Status === "created" ? "created" : "exited";
  const port = label(labels.port);
  return {
    id: info.Id,
    appId: label(labels.app) as AppId,
    cohort: label(labels.cohort),
    version: Number(label(labels.version)),
    type: label(labels.type) as ProcessType,
    index: Number(label(labels.index)),
    crashes: Number(label(labels.crashes)),
    state,
    createdAt: instant(info.Created) ?? 0,
    startedAt: instant(info.State.StartedAt),
    finishedAt: state === "exited" ? instant(info.State.FinishedAt) : undefined,
    exit: state === "exited" ? { code: info.State.ExitCode, oomKilled: info.State.OOMKilled } : undefined,
    address: Object.values(info.NetworkSettings.Networks)[0]?.IPAddress || undefined,
    port: port === "" ? undefined : Number(port),
  };
}

function isImageGone(err: unknown): boolean {
  return isStatus(causeOf(err), 404) && messageOf(err).includes("No such image");
}

/** The engine writes year 1 for "never". */
function instant(text: string): number | undefined {
  const at = Date.parse(text);
  return Number.isFinite(at) && at > 0 ? at : undefined;
}

async function ignoring(statuses: readonly number[], call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (err) {
    if (!isStatus(causeOf(err), ...statuses)) throw err;
  }
}

function causeOf(err: unknown): unknown {
  return err instanceof Error && err.cause !== undefined ? err.cause : err;
}
