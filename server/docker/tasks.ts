import type { Duplex } from "node:stream";
import type Docker from "dockerode";
import type { TaskStreams } from "../api/platform.ts";
import { AppError, messageOf } from "../core/errors.ts";
import { type AppId, newId } from "../core/ids.ts";
import type { Attachment, FoundTask, TaskContainerSpec, TaskEngine, TaskExit, TaskMode } from "../tasks/ports.ts";
import { bounded } from "./bounded.ts";
import { engineError, isStatus, labels } from "./client.ts";
import { hostConfigOf } from "./instances.ts";
import { detachKeys, pumpInput, pumpOutput } from "./streams.ts";
import { taskLabels } from "./task-labels.ts";

const shortMs = 30_000;
const startMs = 60_000;

/** Name of the network that all containers of a space share. */
export type NetworkOf = (space: string, signal: AbortSignal) => Promise<string>;

/** One-off containers on Docker. */
export function createTaskEngine(docker: Docker, home: string, networkOf: NetworkOf): TaskEngine {
  return {
    async create(spec, signal) {
      const network = await networkOf(spec.space, signal);
      signal.throwIfAborted();
      const creating = docker.createContainer(createOptions(spec, home, network));
      try {
        const container = await bounded("create a container", startMs, signal, () => creating);
        return container.id;
      } catch (err) {
        // Nobody waits for it any more.
        creating.then((container) => container.remove({ force: true, v: true })).catch(() => undefined);
        const isGone = err instanceof Error && isStatus(err.cause, 404);
        if (isGone) throw new AppError("DROPLET_GONE", { version: `v${spec.version}` }, { cause: err });
        throw err;
      }
    },

    attach: (id, streams, signal) => attach(docker.getContainer(id), streams, signal),

    async start(id, name, signal) {
      try {
        await bounded("start a container", startMs, signal, () => docker.getContainer(id).start());
      } catch (err) {
        const refusal = err instanceof Error && isStatus(err.cause, 400, 404, 500) ? messageOf(err.cause) : undefined;
        if (refusal === undefined) throw err;
        throw new AppError("TASK_NOT_STARTED", { task: name, cause: readable(refusal) }, { cause: err });
      }
    },

    async resize(id, columns, rows) {
      // One that has just ended has no terminal any more.
      await docker
        .getContainer(id)
        .resize({ w: columns, h: rows })
        .catch(() => undefined);
    },

    wait: (id, signal) => wait(docker.getContainer(id), signal),

    // 409: it does not run.
    kill: (id) => ending("kill a container", [404, 409], () => docker.getContainer(id).kill()),
    // 409: its removal is under way already.
    remove: (id) =>
      ending("remove a container", [404, 409], () => docker.getContainer(id).remove({ force: true, v: true })),

    async list(signal) {
      const filters = { label: [`${labels.home}=${home}`, `${labels.kind}=task`] };
      const found = await bounded("list containers", shortMs, signal, (abortSignal) =>
        docker.listContainers({ all: true, filters, abortSignal }),
      );
      return found.map(toFound);
    },
  };
}

function createOptions(spec: TaskContainerSpec, home: string, network: string): Docker.ContainerCreateOptions {
  const host = hostConfigOf(spec.memoryMb, spec.cpus);
  return {
    name: `paas-${home.slice(0, 6)}-${spec.appName}-${spec.name}-${newId().slice(0, 5)}`,
    Image: spec.imageId,
    ...(spec.argv === undefined ? {} : { Entrypoint: [...spec.argv] }),
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    Tty: spec.tty !== undefined,
    OpenStdin: spec.hasStdin,
    StdinOnce: spec.hasStdin,
    AttachStdin: spec.hasStdin,
    AttachStdout: true,
    AttachStderr: true,
    Labels: {
      [labels.home]: home,
      [labels.kind]: "task",
      [labels.app]: spec.appId,
      [labels.appName]: spec.appName,
      [labels.version]: String(spec.version),
      [labels.task]: spec.name,
      [taskLabels.id]: spec.taskId,
      [taskLabels.mode]: spec.mode,
    },
    HostConfig: {
      ...host,
      NetworkMode: network,
      // What its user sees is nobody else's.
      ...(spec.mode === "interactive" ? { LogConfig: { Type: "none", Config: {} } } : {}),
      // Newer engines open the terminal in this size; older ones pass over it.
      ...(spec.tty ? { ConsoleSize: [spec.tty.rows, spec.tty.columns] } : {}),
    },
  };
}

/** Happens even when whoever wanted the task has gone. */
async function ending(action: string, done: readonly number[], call: () => Promise<unknown>): Promise<void> {
  await bounded(action, shortMs, new AbortController().signal, async () => {
    try {
      await call();
    } catch (err) {
      if (!isStatus(err, ...done)) throw err;
    }
  });
}

async function attach(container: Docker.Container, streams: TaskStreams, signal: AbortSignal): Promise<Attachment> {
  const sockets: Duplex[] = [];
  const open = async (which: { readonly stdin?: boolean; readonly stdout?: boolean; readonly stderr?: boolean }) => {
    const socket = await bounded("attach to a container", shortMs, signal, () =>
      container.attach({ stream: true, hijack: true, detachKeys, ...which }),
    );
    // Of a hijacked request it is the connection itself.
    sockets.push(socket as Duplex);
    return socket as Duplex;
  };
  const output = await open({ stdout: true, stderr: true });
  const ended = pumpOutput(output, streams);
  // In a connection of its own: when the command ends before its input does, the output must not break with it.
  if (streams.stdin) pumpInput(streams.stdin, await open({ stdin: true }));
  return { ended, [Symbol.dispose]: () => sockets.forEach((socket) => void socket.destroy()) };
}

async function wait(container: Docker.Container, signal: AbortSignal): Promise<TaskExit | undefined> {
  try {
    await container.wait({ abortSignal: signal });
    const { State: state } = await container.inspect({ abortSignal: signal });
    return { code: state.ExitCode, oomKilled: state.OOMKilled };
  } catch (err) {
    signal.throwIfAborted();
    if (isStatus(err, 404)) return undefined;
    throw engineError("wait for a container", err);
  }
}

/** What the engine says, without the HTTP around it. */
function readable(refusal: string): string {
  return refusal
    .replace(/^\(HTTP code \d+\) [\w ]+ - /, "")
    .replace(/\s+/g, " ")
    .replace(/[. ]+$/, "");
}

function toFound(info: Docker.ContainerInfo): FoundTask {
  const mode = info.Labels[taskLabels.mode];
  return {
    containerId: info.Id,
    taskId: info.Labels[taskLabels.id] ?? "",
    appId: (info.Labels[labels.app] ?? "") as AppId,
    name: info.Labels[labels.task] ?? "",
    mode: isMode(mode) ? mode : "interactive",
  };
}

function isMode(raw: string | undefined): raw is TaskMode {
  return raw === "interactive" || raw === "detached" || raw === "release";
}
