import semver from "semver";
import { pruneBun } from "./bun.ts";
import type { Manager } from "./manager.ts";
import { certificates, nodeHome } from "./runtime.ts";

/** What an install command gets; `registry` is undefined when the project names its own. */
export function installEnv(manager: Manager, registry: string | undefined): Readonly<Record<string, string>> {
  const common = {
    CI: "true",
    HOME: "/tmp",
    NODE_ENV: "production",
    NODE_EXTRA_CA_CERTS: certificates,
    npm_config_cache: "/cache/npm",
    [headersSetting(manager)]: nodeHome,
    ...(registry === undefined ? {} : { npm_config_registry: registry }),
  };
  if (manager.kind === "yarn") return { ...common, YARN_CACHE_FOLDER: "/cache/yarn" };
  if (manager.kind === "bun") return { ...common, BUN_INSTALL_CACHE_DIR: "/cache/bun" };
  if (manager.kind !== "berry") return common;
  return {
    ...common,
    ...berryEnv,
    YARN_GLOBAL_FOLDER: "/cache/berry",
    YARN_ENABLE_TELEMETRY: "0",
    ...(registry === undefined ? {} : { YARN_NPM_REGISTRY_SERVER: registry.replace(/\/$/, "") }),
  };
}

/** Names where node-gyp finds Node's headers. The older name makes npm 11 warn, the newer needs the node-gyp of npm 11.7. */
function headersSetting(manager: Manager): string {
  const isNewer = manager.kind === "npm" && semver.gte(manager.version, "11.7.0");
  return isNewer ? "npm_package_config_node_gyp_nodedir" : "npm_config_nodedir";
}

/** Plug'n'Play ties every start to yarn; a plain node_modules serves `npm start` and `node server.js` as well. */
export const berryEnv = { YARN_NODE_LINKER: "node-modules" } as const;

/** argvs that install; without `dev` only what runs in production. */
export function installCommands(manager: Manager, dev: boolean): readonly (readonly string[])[] {
  const locked = manager.lockfile !== undefined;
  switch (manager.kind) {
    case "npm":
      return [["npm", ...(locked ? ["ci"] : ["install", "--no-package-lock"]), ...npmOmit(manager, dev)]];
    case "yarn":
      return [
        [
          "yarn",
          "install",
          ...(locked ? ["--frozen-lockfile"] : ["--no-lockfile"]),
          ...yarnFlags,
          `--production=${!dev}`,
        ],
      ];
    case "berry":
      return [
        ["yarn", "install", locked ? "--immutable" : "--no-immutable"],
        ...(dev || !canFocus(manager) ? [] : [["yarn", "workspaces", "focus", "--all", "--production"]]),
      ];
    case "bun":
      return [["bun", "install", locked ? "--frozen-lockfile" : "--no-save", ...(dev ? [] : ["--production"])]];
    case "pnpm":
      return [["pnpm", "install", locked ? "--frozen-lockfile" : "--no-frozen-lockfile", `--prod=${!dev}`, pnpmStore]];
  }
}

/** argv that removes what only the build needed; undefined where the manager cannot. */
export function pruneCommand(manager: Manager, hasMembers: boolean): readonly string[] | undefined {
  switch (manager.kind) {
    case "npm":
      return ["npm", "prune", "--ignore-scripts", ...npmOmit(manager, false)];
    case "yarn":
      return [
        "yarn",
        "install",
        "--frozen-lockfile",
        ...yarnFlags,
        "--production=true",
        "--ignore-scripts",
        "--prefer-offline",
      ];
    case "berry":
      return canFocus(manager) ? ["yarn", "workspaces", "focus", "--all", "--production"] : undefined;
    case "bun":
      return ["bash", "-c", pruneBun, "bun install --production"];
    case "pnpm":
      // `pnpm prune` knows the root alone.
      if (!hasMembers) return ["pnpm", "prune", "--prod", "--ignore-scripts"];
      return ["pnpm", "install", "--frozen-lockfile", "--prod=true", "--ignore-scripts", "--prefer-offline", pnpmStore];
  }
}

/** argv that runs a script of package.json, in a workspace member when one is named. */
export function runCommand(manager: Manager, script: string, folder?: string): readonly string[] {
  const tool = manager.kind === "berry" ? "yarn" : manager.kind;
  const flag = { npm: "--prefix", yarn: "--cwd", pnpm: "--dir", bun: "--cwd" }[tool];
  return [tool, ...(folder === undefined ? [] : [flag, folder]), "run", script];
}

const yarnFlags = ["--non-interactive", "--ignore-engines"];
const pnpmStore = "--store-dir=/cache/pnpm";

function npmOmit(manager: Manager, dev: boolean): readonly string[] {
  if (semver.major(manager.version) < 7) return dev ? ["--production=false"] : ["--production"];
  return dev ? ["--include=dev"] : ["--omit=dev"];
}

function canFocus(manager: Manager): boolean {
  return semver.major(manager.version) >= 4;
}
