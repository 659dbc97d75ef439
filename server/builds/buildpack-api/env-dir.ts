import type { ConfigVars } from "../../core/types.ts";

/**
 * What a buildpack could only be broken by. The helper that buildpacks export ENV_DIR with leaves the same out.
 * https://devcenter.heroku.com/articles/buildpack-api#bin-compile
 */
const harmful = /^(PATH|GIT_DIR|CPATH|CPPATH|LD_PRELOAD|LIBRARY_PATH|LANG|BUILD_DIR)$/;

/**
 * The files of ENV_DIR: one per config var, its content the value and nothing else. What bindings give is among them, as
 * add-ons' variables are at Heroku, but for Cloud Foundry's VCAP_SERVICES.
 */
export function envDirFiles(config: ConfigVars, services: ConfigVars = {}): Readonly<Record<string, string>> {
  const all = Object.entries({ ...services, ...config });
  return Object.fromEntries(all.filter(([name]) => !harmful.test(name) && !name.startsWith("VCAP_")));
}
