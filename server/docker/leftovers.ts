import type Docker from "dockerode";
import { bounded } from "./bounded.ts";
import { isStatus, labels, type ObjectKind } from "./client.ts";

/** An object of this installation that is in the engine. */
export interface OwnObject {
  readonly id: string;
  /** App id, undefined when it belongs to none. */
  readonly app: string | undefined;
}

/** Finds and removes what this installation made. Whatever lacks its label is never touched. */
export interface OwnObjects {
  containers(kind: ObjectKind, signal: AbortSignal): Promise<readonly OwnObject[]>;
  images(kind: ObjectKind, signal: AbortSignal): Promise<readonly OwnObject[]>;
  volumes(kind: ObjectKind, signal: AbortSignal): Promise<readonly OwnObject[]>;
  /** Images that containers of the app stand on, whatever their state. */
  runningImages(app: string, signal: AbortSignal): Promise<ReadonlySet<string>>;
  imageExists(id: string, signal: AbortSignal): Promise<boolean>;
  removeContainer(id: string, signal: AbortSignal): Promise<void>;
  /** False when something still uses it. */
  removeImage(id: string, signal: AbortSignal): Promise<boolean>;
  removeVolume(id: string, signal: AbortSignal): Promise<boolean>;
}

const timeoutMs = 60_000;

export function createOwnObjects(docker: Docker, home: string): OwnObjects {
  const filtersOf = (kind: ObjectKind) => ({ label: [`${labels.home}=${home}`, `${labels.kind}=${kind}`] });
  const toObject = (id: string, own: Record<string, string> | null | undefined): OwnObject => ({
    id,
    app: own?.[labels.app],
  });
  const removed = async (work: () => Promise<unknown>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (err) {
      const cause = err instanceof Error && err.cause !== undefined ? err.cause : err;
      if (isStatus(cause, 404)) return true;
      if (isStatus(cause, 409)) return false;
      throw err;
    }
  };

  return {
    async containers(kind, signal) {
      const found = await bounded("list containers", timeoutMs, signal, () =>
        docker.listContainers({ all: true, filters: filtersOf(kind) }),
      );
      return found.map((container) => toObject(container.Id, container.Labels));
    },
    async images(kind, signal) {
      const found = await bounded("list images", timeoutMs, signal, () =>
        docker.listImages({ filters: filtersOf(kind) }),
      );
      return found.map((image) => toObject(image.Id, image.Labels));
    },
    async volumes(kind, signal) {
      const found = await bounded("list volumes", timeoutMs, signal, () =>
        docker.listVolumes({ filters: filtersOf(kind) }),
      );
      return found.Volumes.map((volume) => toObject(volume.Name, volume.Labels));
    },
    async runningImages(app, signal) {
      const filters = { label: [`${labels.home}=${home}`, `${labels.app}=${app}`] };
      const found = await bounded("list containers", timeoutMs, signal, () =>
        docker.listContainers({ all: true, filters }),
      );
      return new Set(found.map((container) => container.ImageID));
    },
    async imageExists(id, signal) {
      try {
        await bounded("look at an image", timeoutMs, signal, () => docker.getImage(id).inspect());
        return true;
      } catch (err) {
        const cause = err instanceof Error && err.cause !== undefined ? err.cause : err;
        if (isStatus(cause, 404)) return false;
        throw err;
      }
    },
    async removeContainer(id, signal) {
      await removed(() =>
        bounded("remove a container", timeoutMs, signal, () =>
          docker.getContainer(id).remove({ force: true, v: true }),
        ),
      );
    },
    removeImage: (id, signal) =>
      removed(() => bounded("remove an image", timeoutMs, signal, () => docker.getImage(id).remove({ force: false }))),
    removeVolume: (id, signal) =>
      removed(() => bounded("remove a volume", timeoutMs, signal, () => docker.getVolume(id).remove())),
  };
}
