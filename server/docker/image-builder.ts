import type Docker from "dockerode";
import type { ImageEngine } from "../builds/image-engine.ts";
import { keepCached } from "./build-cache.ts";
import { buildContainers, removeCacheVolume } from "./build-containers.ts";
import { buildDockerfile } from "./build-dockerfile.ts";
import { buildImages } from "./build-images.ts";
import { buildSteps } from "./build-steps.ts";
import { adoptImage } from "./foreign-images.ts";
import { buildUsage } from "./build-usage.ts";

/**
 * The engine as builds need it. `home` is the label value that tells this installation's objects from others'. With
 * `classic` Dockerfiles are built as on an engine without BuildKit.
 */
export function createImageEngine(docker: Docker, home: string, builder: "best" | "classic" = "best"): ImageEngine {
  return {
    ...buildContainers(docker, home),
    ...buildImages(docker, home),
    ...buildUsage(docker, home),
    ...buildSteps(docker),
    adopt: (imageId, owner, ref) => adoptImage(docker, home, imageId, owner, ref),
    keepCached: (appId, images) => keepCached(docker, appId, images),
    removeCache: async (appId) => {
      await removeCacheVolume(docker, appId);
      await keepCached(docker, appId, []);
    },
    buildDockerfile: (context, spec, onRecord, signal) =>
      buildDockerfile(docker, home, context, spec, onRecord, signal, builder),
  };
}
