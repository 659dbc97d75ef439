import { buffer } from "node:stream/consumers";
import { createInterface } from "node:readline";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type Docker from "dockerode";
import { extract } from "tar-stream";
import type { BuildOwner } from "../builds/image-engine.ts";
import { AppError, messageOf } from "../core/errors.ts";
import type { Output } from "../core/output.ts";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";

export interface ForeignImage extends AsyncDisposable {
  readonly imageId: string;
  /** Of the registry's manifest where there is one, else the image's own id: what the reference meant then. */
  readonly digest: string;
}

const quickMs = 60_000;
const pullIdleMs = 120_000;
const commitMs = 15 * 60_000;
const maxFileBytes = 1024 ** 2;
const neverAborted = new AbortController().signal;
/** Says how an image is run, where it is not written into the image itself. */
const procfileLabel = "paas.procfile";
const toldFiles = ["Procfile", "app.json"];

/**
 * Finds an image on this machine or in its registry, and writes what it says of how it is run into a folder. What was pulled
 * for it alone loses its name again when it is disposed; what was there before stays as it was.
 * @throws AppError IMAGE_NOT_FOUND
 */
export async function openForeignImage(
  docker: Docker,
  home: string,
  ref: string,
  dir: string,
  out: Output,
  signal: AbortSignal,
): Promise<ForeignImage> {
  const local = await inspect(docker, ref);
  // The engine removes a nameless image with the last one that was made from it: it would go with our droplet.
  if (local !== undefined && isNameless(local)) throw new AppError("IMAGE_NAMELESS", { ref });
  if (local === undefined) {
    out.step(`Pulling ${ref}`);
    await pull(docker, ref, out, signal);
  }
  const found = local ?? (await inspect(docker, ref));
  if (found === undefined) throw new AppError("IMAGE_NOT_FOUND", { ref, cause: "it is not there after the pull" });
  const release = async () => {
    if (local === undefined)
      await docker
        .getImage(ref)
        .remove()
        .catch(() => undefined);
  };
  try {
    const procfile = found.Config.Labels?.[procfileLabel];
    if (procfile === undefined) await copyFiles(docker, home, found, dir);
    else await writeFile(path.join(dir, "Procfile"), procfile);
  } catch (err) {
    await release();
    throw err;
  }
  const digest = (found.RepoDigests ?? []).map((one) => one.split("@")[1]).find((one) => one !== undefined);
  return { imageId: found.Id, digest: digest ?? found.Id, [Symbol.asyncDispose]: release };
}

function isNameless({ RepoTags, RepoDigests }: Docker.ImageInspectInfo): boolean {
  return (RepoTags ?? []).length + (RepoDigests ?? []).length === 0;
}

/** The same image under a name and labels of ours: one more configuration, the same layers. */
export function adoptImage(
  docker: Docker,
  home: string,
  imageId: string,
  owner: BuildOwner,
  ref: string,
): Promise<string> {
  return bounded("take an image over", commitMs, neverAborted, async () => {
    const { Config } = await docker.getImage(imageId).inspect();
    const own = { [labels.home]: home, [labels.app]: owner.appId, [labels.build]: owner.buildId };
    const container = await docker.createContainer(containerOf(imageId, Config, { ...own, [labels.kind]: "build" }));
    try {
      const [repo, tag] = [ref.slice(0, ref.lastIndexOf(":")), ref.slice(ref.lastIndexOf(":") + 1)];
      const _query = { container: container.id, repo, tag, pause: "false" };
      const Labels = { ...Config.Labels, ...emptied(Config.Labels), ...own, [labels.kind]: "droplet" };
      const image: { Id: string } = await container.commit({ _query, _body: { ...Config, Labels } });
      return image.Id;
    } finally {
      await container.remove({ force: true, v: true }).catch(() => undefined);
    }
  });
}

/** What an image says of itself in our own words is not so; the engine keeps a label that is left out. */
function emptied(theirs: Readonly<Record<string, string>> | null | undefined): Record<string, string> {
  const names = Object.keys(theirs ?? {}).filter((name) => name.startsWith("paas."));
  return Object.fromEntries(names.map((name) => [name, ""]));
}

type Config = Docker.ImageInspectInfo["Config"];

/** Never started. An image without a command cannot be made a container of without one. */
function containerOf(imageId: string, config: Config, own: Record<string, string>): Docker.ContainerCreateOptions {
  const hasCommand = (config.Cmd?.length ?? 0) + (config.Entrypoint?.length ?? 0) > 0;
  return { Image: imageId, Labels: own, ...(hasCommand ? {} : { Cmd: ["/bin/sh"] }) };
}

async function inspect(docker: Docker, ref: string): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await bounded("look at an image", quickMs, neverAborted, () => docker.getImage(ref).inspect());
  } catch (err) {
    const cause = err instanceof Error && err.cause !== undefined ? err.cause : err;
    if (isStatus(cause, 404)) return undefined;
    throw err;
  }
}

interface Progress {
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
}

async function pull(docker: Docker, ref: string, out: Output, outer: AbortSignal): Promise<void> {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(new Error(`no progress for ${pullIdleMs / 1000} s`)), pullIdleMs);
  const abortSignal = AbortSignal.any([outer, idle.signal]);
  try {
    const stream: NodeJS.ReadableStream = await docker.pull(ref, { abortSignal });
    for await (const line of createInterface({ input: stream })) {
      timer.refresh();
      if (line.trim() === "") continue;
      const { status, id, error } = JSON.parse(line) as Progress;
      if (error !== undefined) throw new Error(error);
      if (id === undefined || status === "Pull complete")
        out.detail(id === undefined ? (status ?? "") : `${id}: ${status}`);
    }
  } catch (err) {
    outer.throwIfAborted();
    const cause = idle.signal.aborted ? idle.signal.reason : err;
    throw new AppError("IMAGE_NOT_FOUND", { ref, cause: plain(messageOf(cause)) }, { cause: err });
  } finally {
    clearTimeout(timer);
  }
}

function plain(message: string): string {
  return message
    .replace(/^\(HTTP code \d+\) [^-]*- /, "")
    .replace(/\s+/g, " ")
    .replace(/[. ]+$/, "");
}

/** From the folder that the image's commands run in. */
async function copyFiles(docker: Docker, home: string, image: Docker.ImageInspectInfo, dir: string): Promise<void> {
  const own = { [labels.home]: home, [labels.kind]: "build" };
  const container = await docker.createContainer(containerOf(image.Id, image.Config, own));
  try {
    for (const name of toldFiles) {
      const text = await readOne(container, path.posix.join("/", image.Config.WorkingDir || "/", name));
      if (text !== undefined) await writeFile(path.join(dir, name), text);
    }
  } finally {
    await container.remove({ force: true, v: true }).catch(() => undefined);
  }
}

async function readOne(container: Docker.Container, at: string): Promise<Buffer | undefined> {
  let archive: NodeJS.ReadableStream;
  try {
    archive = await container.getArchive({ path: at });
  } catch (err) {
    if (isStatus(err, 404)) return undefined;
    throw err;
  }
  const reader = extract();
  archive.pipe(reader);
  for await (const entry of reader) {
    const { type, size } = entry.header;
    if (type === "file" && size <= maxFileBytes) return await buffer(entry);
    entry.resume();
  }
  return undefined;
}
