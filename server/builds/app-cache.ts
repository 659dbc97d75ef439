import { z } from "zod";
import type { App } from "../core/types.ts";

/** Of one app, in its settings under this key. */
export const appCacheKey = "build.cache";

export const appCacheState = z.object({
  /** How often the app's build cache was purged. */
  purges: z.number(),
  /** The next build of a Dockerfile runs all its steps. */
  freshSteps: z.boolean(),
});
export type AppCacheState = z.infer<typeof appCacheState>;

export const unpurged: AppCacheState = { purges: 0, freshSteps: false };

export function purgedOnce(state: AppCacheState): AppCacheState {
  return { purges: state.purges + 1, freshSteps: true };
}

/** Who shares layers with an app: all of its space, until it was purged. From then on it takes nothing that was made before. */
export function layerScope({ id, space }: Pick<App, "id" | "space">, { purges }: AppCacheState): string {
  return purges === 0 ? space : `${space} ${id} ${purges}`;
}
