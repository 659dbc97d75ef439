import { createInterface } from "node:readline";
import type Docker from "dockerode";
import type { AppId } from "../core/ids.ts";
import type { LogFrame } from "../logs/assemble.ts";
import type { LogEngine, LoggedContainer } from "../logs/ports.ts";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";
import { cutAtStamps, FrameReader, StampReader, TerminalReader } from "./frames.ts";
import { taskLabels } from "./task-labels.ts";

const shortMs = 30_000;

/** The collector's engine on Docker. */
export function createLogEngine(docker: Docker, home: string): LogEngine {
  return {
    async list(signal) {
      const filters = { label: [`${labels.home}=${home}`] };
      const found = await bounded("list containers", shortMs, signal, (abortSignal) =>
        docker.listContainers({ all: true, filters, abortSignal }),
      );
      return found.map((info) => toLogged(info.Id, info.Labels, home)).filter((container) => container !== undefined);
    },

    async find(id, signal) {
      const info = await inspect(docker, id, signal);
      return info && toLogged(info.Id, info.Config.Labels, home);
    },

    async state(id, signal) {
      const info = await inspect(docker, id, signal);
      if (info === undefined) return "gone";
      if (info.State.Status === "created") return "created";
      return info.State.Running ? "running" : "ended";
    },

    follow: (id, sinceNs, signal) => follow(docker, id, sinceNs, signal),
    starts: (signal) => starts(docker, home, signal),
  };
}

async function inspect(
  docker: Docker,
  id: string,
  signal: AbortSignal,
): Promise<Docker.ContainerInspectInfo | undefined> {
  return bounded("inspect a container", shortMs, signal, async (abortSignal) => {
    try {
      return await docker.getContainer(id).inspect({ abortSignal });
    } catch (err) {
      if (isStatus(err, 404)) return undefined;
      throw err;
    }
  });
}

/** Undefined when its output does not belong in an app's log. */
function toLogged(id: string, found: Readonly<Record<string, string>>, home: string): LoggedContainer | undefined {
  const appId = found[labels.app];
  const process = processOf(found);
  if (found[labels.home] !== home || appId === undefined || process === undefined) return undefined;
  return { id, appId: appId as AppId, process };
}

function processOf(found: Readonly<Record<string, string>>): string | undefined {
  if (found[labels.kind] === "instance") return `${found[labels.type]}.${found[labels.index]}`;
  if (found[labels.kind] === "task" && found[taskLabels.mode] !== "interactive") return found[labels.task];
  return undefined;
}

async function* follow(
  docker: Docker,
  id: string,
  sinceNs: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<readonly LogFrame[]> {
  const info = await inspect(docker, id, signal);
  if (info === undefined) return;
  const since = sinceNs === undefined ? undefined : `${sinceNs.slice(0, -9)}.${sinceNs.slice(-9)}`;
  // `follow` even when it has ended: without it the whole output would be taken into memory.
  const stream = await bounded("read a container's output", shortMs, signal, () =>
    docker
      .getContainer(id)
      .logs({ follow: true, stdout: true, stderr: true, timestamps: true, since, abortSignal: signal }),
  );
  yield* info.Config.Tty ? stampedLines(stream) : stampedFrames(stream);
}

async function* stampedFrames(stream: NodeJS.ReadableStream): AsyncGenerator<readonly LogFrame[]> {
  const reader = new FrameReader();
  const stamps = new StampReader();
  for await (const chunk of stream) {
    const frames = reader.push(chunk as Buffer).map((frame) => stamps.read(frame));
    if (frames.length > 0) yield frames;
  }
}

async function* stampedLines(stream: NodeJS.ReadableStream): AsyncGenerator<readonly LogFrame[]> {
  const reader = new TerminalReader();
  const stamps = new StampReader();
  for await (const chunk of stream) {
    const frames = reader
      .push(chunk as Buffer)
      .flatMap(cutAtStamps)
      .map((frame) => stamps.read(frame));
    if (frames.length > 0) yield frames;
  }
  yield reader
    .end()
    .flatMap(cutAtStamps)
    .map((frame) => stamps.read(frame));
}

interface StartEvent {
  readonly Actor?: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

async function* starts(docker: Docker, home: string, signal: AbortSignal): AsyncGenerator<LoggedContainer> {
  const filters = { type: ["container" as const], event: ["start"], label: [`${labels.home}=${home}`] };
  const stream = await bounded("listen to the engine", shortMs, signal, () =>
    docker.getEvents({ filters, abortSignal: signal }),
  );
  for await (const raw of createInterface({ input: stream, signal })) {
    const { Actor: actor } = JSON.parse(raw) as StartEvent;
    const container = actor && toLogged(actor.ID, actor.Attributes, home);
    if (container) yield container;
  }
}
