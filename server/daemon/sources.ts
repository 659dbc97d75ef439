import type { SourceRequest, SourcesPort } from "../api/platform.ts";
import type { RemoteSources } from "../git/remote-source.ts";
import { assertRemoteUrl } from "../git/remote-url.ts";
import { unpackArchive } from "../builds/archive/unpack.ts";
import { buildSettings, setBuildSettings } from "../builds/settings.ts";
import { download, parseSourceUrl } from "../builds/source/download.ts";
import { imageReference } from "../builds/source/image-reference.ts";
import { keepFile, type KeptFile } from "../builds/source/keep-file.ts";
import { outwardAddress } from "../builds/source/public-address.ts";
import { AppError } from "../core/errors.ts";
import type { AppId } from "../core/ids.ts";
import type { Output } from "../core/output.ts";
import type { ForeignImage } from "../docker/foreign-images.ts";
import { deploy, type DeployRequest } from "../releases/deploy.ts";
import type { ReleaseDeps } from "../releases/deps.ts";

export interface SourcesInput {
  readonly deps: ReleaseDeps;
  readonly remote: RemoteSources;
  readonly openImage: (ref: string, dir: string, out: Output, signal: AbortSignal) => Promise<ForeignImage>;
  /** Names of hosts that may be inward ones, as the operator has set them. */
  readonly allowedHosts: ReadonlySet<string>;
  /** Where archives are kept until they are deployed. */
  readonly uploadDir: string;
  readonly tidyUp: (appId: AppId) => Promise<void>;
}

type Found = Omit<DeployRequest, "actor" | "app">;

/** Deploys of what was not pushed: images, archives, repositories elsewhere. From the queue on they are as a push is. */
export function createSources(input: SourcesInput): SourcesPort {
  const { deps, uploadDir } = input;
  const settingsOf = (appId: AppId) => buildSettings(deps.settings, appId);
  return {
    settings: (name) => settingsOf(deps.apps.get(name).id),
    set(_actor, name, change) {
      const { id } = deps.apps.get(name);
      setBuildSettings(deps.settings, id, change);
      return settingsOf(id);
    },
    receive: async (name, content, signal) => {
      deps.apps.get(name);
      return await keepFile(uploadDir, content, signal);
    },
    async deploy(actor, name, request, out, signal) {
      const app = deps.apps.get(name);
      await using kept = await fetchFirst(input, request, out, signal);
      const found = await find(input, request, kept, signal);
      const result = await deploy(deps, { ...found, actor, app }, out, signal);
      void input.tidyUp(app.id);
      if (!result.ok) throw new AppError("DEPLOY_FAILED", { reason: result.reason, hint: result.hint });
      return result.version;
    },
  };
}

/** An archive is there as a whole before its build has a number. */
async function fetchFirst(
  { uploadDir, allowedHosts }: SourcesInput,
  request: SourceRequest,
  out: Output,
  signal: AbortSignal,
): Promise<KeptFile | undefined> {
  if (request.kind === "upload") return request.upload;
  if (request.kind !== "archive") return undefined;
  out.step(`Downloading ${shown(parseSourceUrl(request.url))}`);
  return await keepFile(uploadDir, await download(request.url, allowedHosts, signal), signal);
}

async function find(
  input: SourcesInput,
  request: SourceRequest,
  kept: KeptFile | undefined,
  signal: AbortSignal,
): Promise<Found> {
  if (request.kind === "image") return image(input, request.ref);
  if (request.kind === "git") return await repository(input, request.url, request.ref, signal);
  if (kept === undefined) throw new TypeError("an archive that nobody has kept");
  const name = request.kind === "upload" ? request.name : shown(parseSourceUrl(request.url));
  return {
    source: { kind: "archive", name },
    commit: kept.digest,
    checkout: (dir, stop) => unpackArchive(kept.path, dir, stop),
  };
}

function image({ openImage }: SourcesInput, raw: string): Found {
  const ref = imageReference(raw);
  return {
    source: { kind: "image", ref },
    commit: "",
    checkout: (dir, signal, out) => openImage(ref, dir, out, signal),
  };
}

async function repository(
  { remote, allowedHosts }: SourcesInput,
  url: string,
  ref: string | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const { host, shownUrl } = assertRemoteUrl(url);
  await outwardAddress(host, allowedHosts);
  const commit = await remote.resolve(url, ref, signal);
  return {
    source: { kind: "git", url: shownUrl, ref: ref ?? "HEAD" },
    commit,
    checkout: (dir, stop) => remote.write(url, commit, dir, stop),
  };
}

/** Without what may be a secret. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
