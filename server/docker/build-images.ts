import type Docker from "dockerode";
import type { ImageEngine, ImageFacts, ImageHealth, ListedImage, OwnImage } from "../builds/image-engine.ts";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";
import { hasImage } from "./stack-images.ts";

type ImagePart = Pick<
  ImageEngine,
  "layerRefs" | "hasImage" | "imageFacts" | "ownImages" | "listImages" | "usedImages" | "removeImage"
>;

const quickMs = 60_000;
const neverAborted = new AbortController().signal;

/** Images that builds made. */
export function buildImages(docker: Docker, home: string): ImagePart {
  return {
    layerRefs: async (signal) => {
      const filters = { label: [`${labels.kind}=layer`] };
      const found = await bounded("list layers", quickMs, signal, (abortSignal) =>
        docker.listImages({ filters, abortSignal }),
      );
      return new Set(found.flatMap((image) => image.RepoTags ?? []));
    },
    hasImage: (ref, signal) => bounded("look at an image", quickMs, signal, () => hasImage(docker, ref)),
    imageFacts: (ref) => imageFacts(docker, ref),
    ownImages: () => ownImages(docker, home),
    listImages: () => listImages(docker),
    usedImages: () =>
      bounded("list containers", quickMs, neverAborted, async () => {
        const containers = await docker.listContainers({ all: true });
        return new Set(containers.map((container) => container.ImageID));
      }),
    removeImage: (ref) => removeImage(docker, ref),
  };
}

function imageFacts(docker: Docker, ref: string): Promise<ImageFacts> {
  return bounded("look at the image", quickMs, neverAborted, async () => {
    const { Id, Config } = await docker.getImage(ref).inspect();
    const ports = Object.keys(Config.ExposedPorts ?? {}).map((port) => port.split("/"));
    const tcp = ports
      .filter(([, protocol]) => protocol === undefined || protocol === "tcp")
      .map(([port]) => Number(port));
    const hasCommand = !isEmpty(Config.Cmd) || !isEmpty(Config.Entrypoint);
    return { id: Id, hasCommand, tcpPorts: tcp.toSorted((a, b) => a - b), health: healthOf(Config.Healthcheck) };
  });
}

const defaultHealthTimeoutMs = 30_000;

/** `HEALTHCHECK` as the engine keeps it: `["CMD", …]` or `["CMD-SHELL", text]`, times in nanoseconds. */
function healthOf(
  check: { readonly Test?: readonly string[]; readonly Timeout?: number } | undefined,
): ImageHealth | undefined {
  const [kind, ...rest] = check?.Test ?? [];
  const argv = kind === "CMD-SHELL" ? ["/bin/sh", "-c", ...rest] : rest;
  if (kind === undefined || kind === "NONE" || argv.length === 0) return undefined;
  const timeoutMs = Math.round((check?.Timeout ?? 0) / 1e6);
  return { argv, timeoutMs: timeoutMs > 0 ? timeoutMs : defaultHealthTimeoutMs };
}

function isEmpty(argv: string | readonly string[] | undefined | null): boolean {
  return argv === undefined || argv === null || argv.length === 0;
}

async function ownImages(docker: Docker, home: string): Promise<readonly OwnImage[]> {
  const [layers, systems, droplets] = await bounded("list images", quickMs, neverAborted, () =>
    Promise.all([
      docker.listImages({ filters: { label: [`${labels.kind}=layer`] } }),
      docker.listImages({ filters: { label: [`${labels.kind}=system`] } }),
      docker.listImages({ filters: { label: [`${labels.kind}=droplet`, `${labels.home}=${home}`] } }),
    ]),
  );
  return [
    ...layers.map((i) => ownImage("layer", i)),
    ...systems.map((i) => ownImage("system", i)),
    ...droplets.map((i) => ownImage("droplet", i)),
  ];
}

async function listImages(docker: Docker): Promise<readonly ListedImage[]> {
  const found = await bounded("list images", quickMs, neverAborted, () => docker.listImages({ all: true }));
  return found.map((image) => ({
    id: image.Id,
    parentId: image.ParentId || undefined,
    refs: (image.RepoTags ?? []).filter((ref) => ref !== "<none>:<none>"),
    kind: image.Labels?.[labels.kind],
    createdAt: image.Created * 1000,
    sizeBytes: image.Size,
  }));
}

function ownImage(kind: OwnImage["kind"], image: Docker.ImageInfo): OwnImage {
  return {
    id: image.Id,
    parentId: image.ParentId || undefined,
    kind,
    refs: (image.RepoTags ?? []).filter((ref) => ref !== "<none>:<none>"),
    appId: image.Labels?.[labels.app] || undefined,
    createdAt: image.Created * 1000,
    sizeBytes: image.Size,
  };
}

/** Gone already is fine; one in use is left and answers false. */
export function removeImage(docker: Docker, ref: string): Promise<boolean> {
  return bounded("remove an image", quickMs, neverAborted, async () => {
    try {
      await docker.getImage(ref).remove();
      return true;
    } catch (err) {
      if (isStatus(err, 409)) return false;
      if (isStatus(err, 404)) return true;
      throw err;
    }
  });
}
