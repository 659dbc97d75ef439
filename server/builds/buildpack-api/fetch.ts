import { realpathSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import type { AppId } from "../../core/ids.ts";
import type { BuildContext } from "../build-context.ts";
import { BuildFailed } from "../failure.ts";
import { fileTar, folderTar } from "../source-tar.ts";
import { type BuildpackReference, shown } from "./reference.ts";

/** What of the world buildpacks come from. */
export interface BuildpackFetcher {
  /** @throws AppError when there is no such ref, or the repository cannot be read */
  resolveGit(url: string, ref: string | undefined, signal: AbortSignal): Promise<string>;
  /** Writes a commit's files into an empty folder. @throws AppError */
  writeGit(url: string, commit: string, dir: string, signal: AbortSignal): Promise<void>;
  /**
   * Answers an archive and its digest, from here when the digest is known and the archive is kept.
   * @throws AppError when it cannot be had, or is not what it was
   */
  download(url: string, digest: string | undefined, signal: AbortSignal): Promise<Archive>;
}

export interface Archive {
  readonly file: string;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
}

/** What an app's buildpacks were when they were fetched first: a push never takes another state of them by itself. */
export interface BuildpackPins {
  get(appId: AppId, text: string): string | undefined;
  set(appId: AppId, text: string, pin: string): void;
}

/** A buildpack, here, as a tar that can be put into a container. */
export interface FetchedBuildpack {
  readonly reference: BuildpackReference;
  /** For people: its address, and what it is pinned to. */
  readonly label: string;
  /** Packed: the tar holds the archive as one file of that ending. */
  readonly packed: "tar" | "zip" | undefined;
  /** A new stream each time. */
  readonly tar: (at: string) => Promise<Readable>;
}

export interface FetchDeps {
  readonly fetcher: BuildpackFetcher;
  readonly pins: BuildpackPins;
  /** Scratch folder of this build. */
  readonly scratch: string;
}

/** Fetches what a reference names. @throws BuildFailed, or AppError of what it is fetched from */
export async function fetchBuildpack(
  context: BuildContext,
  deps: FetchDeps,
  reference: Exclude<BuildpackReference, { kind: "builtin" }>,
): Promise<FetchedBuildpack> {
  switch (reference.kind) {
    case "folder":
      return ofFolder(context, reference);
    case "packed":
      return ofArchive(reference, inSource(context, reference, "file"), reference.text);
    case "git":
      return ofGit(context, deps, reference);
    case "archive":
      return ofDownload(context, deps, reference);
  }
}

function ofFolder(context: BuildContext, reference: Of<"folder">): FetchedBuildpack {
  const dir = inSource(context, reference, "folder");
  const tar = (at: string) => Promise.resolve(folderTar(dir, at, context.signal));
  return { reference, label: reference.text, packed: undefined, tar };
}

async function ofGit(context: BuildContext, deps: FetchDeps, reference: Of<"git">): Promise<FetchedBuildpack> {
  const { url, ref, text } = reference;
  const appId = context.input.app.id;
  const pinned = deps.pins.get(appId, text);
  const commit = pinned ?? (await deps.fetcher.resolveGit(url, ref, context.signal));
  await mkdir(deps.scratch, { recursive: true });
  const dir = await mkdtemp(path.join(deps.scratch, "buildpack-"));
  await deps.fetcher.writeGit(url, commit, dir, context.signal);
  if (pinned === undefined) deps.pins.set(appId, text, commit);
  const label = `${shown(text)} at ${commit.slice(0, 8)}`;
  const tar = (at: string) => Promise.resolve(folderTar(dir, at, context.signal));
  return { reference, label, packed: undefined, tar };
}

async function ofDownload(context: BuildContext, deps: FetchDeps, reference: Of<"archive">): Promise<FetchedBuildpack> {
  const { url, text } = reference;
  const appId = context.input.app.id;
  const pinned = deps.pins.get(appId, text);
  const { file, digest } = await deps.fetcher.download(url, pinned, context.signal);
  if (pinned === undefined) deps.pins.set(appId, text, digest);
  return ofArchive(reference, file, `${shown(text)} at sha256:${digest.slice(0, 8)}`);
}

function ofArchive(reference: BuildpackReference, file: string, label: string): FetchedBuildpack {
  const [pathname = ""] = reference.text.split(/[?#]/);
  const packed = pathname.toLowerCase().endsWith(".zip") ? "zip" : "tar";
  return { reference, label, packed, tar: async (at) => fileTar(await readFile(file), at) };
}

/** A path of the repository, which must not lead out of it by a symbolic link. */
function inSource(context: BuildContext, reference: Of<"folder" | "packed">, kind: "folder" | "file"): string {
  const root = realpathSync(context.input.sourceDir);
  const found = realPath(path.join(root, reference.path));
  const isInside = found === root || found?.startsWith(root + path.sep) === true;
  const stats = found !== undefined && isInside ? statSync(found) : undefined;
  if (found !== undefined && (kind === "folder" ? stats?.isDirectory() : stats?.isFile()) === true) return found;
  throw new BuildFailed(
    `The buildpack ${reference.text} is no ${kind} of this repository.`,
    "Commit it, or correct its path; it is written from the top of the repository: ./buildpacks/x",
  );
}

function realPath(at: string): string | undefined {
  try {
    return realpathSync(at);
  } catch {
    // Missing, or a link into nowhere: there is no such path.
    return undefined;
  }
}

type Of<K extends BuildpackReference["kind"]> = Extract<BuildpackReference, { kind: K }>;

/** Removes what was fetched for one build. */
export function removeFetched(scratch: string): Promise<void> {
  return rm(scratch, { recursive: true, force: true });
}
