import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type Docker from "dockerode";
import { pack } from "tar-stream";
import type { StackBuild, StackImages } from "../host/stack.ts";
import { isStatus, labels } from "./client.ts";

/** The images of the stack on an engine. */
export function stackImages(docker: Docker): StackImages {
  return {
    has: (ref) => hasImage(docker, ref),
    pull: (ref, idleMs, signal) => pull(docker, ref, idleMs, signal),
    tag: async (from, to) => {
      const [repo, tag] = splitRef(to);
      await docker.getImage(from).tag({ repo, tag });
    },
    importRoot: (tarFile, ref, stack, signal) => importRoot(docker, tarFile, ref, stack, signal),
    build: (build, signal) => buildImage(docker, build, signal),
  };
}

export async function hasImage(docker: Docker, ref: string): Promise<boolean> {
  try {
    await docker.getImage(ref).inspect();
    return true;
  } catch (err) {
    if (isStatus(err, 404)) return false;
    throw err;
  }
}

async function pull(docker: Docker, ref: string, idleMs: number, outer: AbortSignal): Promise<void> {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(new Error("no progress")), idleMs);
  const signal = AbortSignal.any([outer, idle.signal]);
  try {
    const stream: NodeJS.ReadableStream = await docker.pull(ref, { abortSignal: signal });
    await follow(stream, () => timer.refresh());
  } finally {
    clearTimeout(timer);
  }
}

async function importRoot(
  docker: Docker,
  tarFile: string,
  ref: string,
  stack: string,
  signal: AbortSignal,
): Promise<void> {
  const [repo, tag] = splitRef(ref);
  const changes = `LABEL ${labels.kind}=stack ${labels.stack}=${stack}`;
  const stream = await docker.importImage(createReadStream(tarFile), { repo, tag, changes, abortSignal: signal });
  await follow(stream, () => {});
}

async function buildImage(docker: Docker, build: StackBuild, signal: AbortSignal): Promise<void> {
  const stream = await docker.buildImage(context(build), {
    t: build.ref,
    labels: { [labels.kind]: "stack", [labels.stack]: build.stack },
    rm: true,
    forcerm: true,
    abortSignal: signal,
  });
  await follow(stream, build.onOutput);
}

function context(build: StackBuild): Readable {
  const tar = pack();
  tar.entry({ name: "Dockerfile" }, build.dockerfile);
  for (const file of build.files) tar.entry({ name: `files/${file.path}`, mode: 0o644 }, file.content);
  tar.finalize();
  return Readable.from(tar);
}

interface Progress {
  readonly stream?: string;
  readonly error?: string;
}

/** Reads an engine's progress to its end. A failure comes inside the stream, under HTTP 200. */
async function follow(stream: NodeJS.ReadableStream, onOutput: (text: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) {
    if (line.trim() === "") continue;
    const progress = JSON.parse(line) as Progress;
    if (progress.error !== undefined) throw new Error(progress.error);
    onOutput(progress.stream ?? "");
  }
}

function splitRef(ref: string): readonly [string, string] {
  const colon = ref.lastIndexOf(":");
  return [ref.slice(0, colon), ref.slice(colon + 1)];
}
