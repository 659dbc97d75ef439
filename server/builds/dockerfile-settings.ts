import { z } from "zod";
import type { ConfigVars } from "../core/types.ts";
import { BuildFailed } from "./failure.ts";

/** Of one app, in its settings under this key. */
export const dockerfileKey = "dockerfile";

export const dockerfileSettings = z.object({
  /** Of the Dockerfile, below the app's folder; the build context stays that folder. */
  path: z.string().optional(),
  /** Stage to build; the last one without it. */
  target: z.string().optional(),
  /** Names of config vars that are given as build arguments: they may end up in the image. */
  args: z.array(z.string()).optional(),
  /** Names of config vars that steps may mount: RUN --mount=type=secret,id=NAME */
  secrets: z.array(z.string()).optional(),
});
export type DockerfileSettings = z.infer<typeof dockerfileSettings>;

export const dockerfileName = "Dockerfile";

/** The values of config vars by the names that a setting lists. @throws BuildFailed for one that is not set */
export function namedValues(names: readonly string[], config: ConfigVars, what: string): ConfigVars {
  return Object.fromEntries(
    names.map((name) => {
      const value = Object.hasOwn(config, name) ? config[name] : undefined;
      if (value !== undefined) return [name, value];
      throw new BuildFailed(
        `The ${what} ${name} is to come from a config var, which is not set.`,
        `Set it with paas config:set ${name}=…, or give the names that are wanted: paas builds:dockerfile:set --help`,
      );
    }),
  );
}
