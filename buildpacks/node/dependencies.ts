import path from "node:path";
import type { PlanCommand, PlanLayer, SourceView } from "../../server/builds/plan.ts";
import { installCommands, installEnv } from "./commands.ts";
import type { Manager } from "./manager.ts";
import { dependenciesOf, installInput, type PackageJson } from "./package-json.ts";
import type { NodeProject } from "./project.ts";

// What an install reads beside the manifests and the lockfile.
const alwaysRead = [".npmrc", "patches"];
const readBy: Readonly<Record<Manager["kind"], readonly string[]>> = {
  npm: [],
  yarn: [".yarnrc", ".yarn/releases"],
  berry: [".yarnrc.yml", ".yarn/releases", ".yarn/plugins", ".yarn/patches"],
  bun: ["bunfig.toml"],
  pnpm: ["pnpm-workspace.yaml", ".pnpmfile.cjs", ".pnpmfile.mjs"],
};

/** The node_modules that the manifests and the lockfile ask for, made without the rest of the source. */
export function dependencyLayer(source: SourceView, project: NodeProject, launch: boolean): PlanLayer {
  const { manager, members, pkg } = project;
  const candidates = [manager.lockfile ?? "", ...alwaysRead, ...readBy[manager.kind], ...localPackages(pkg)];
  return {
    name: "dependencies",
    title: installTitle(project),
    files: [...new Set(candidates)].filter((file) => file !== "" && source.has(file)),
    inputs: {
      "package.json": installInput(pkg, false),
      ...Object.fromEntries(members.map((m) => [`${m.folder}/package.json`, installInput(m.pkg, true)])),
    },
    commands: installSteps(project, false),
    launch,
    keep: ["/app/node_modules", ...members.map((m) => `/app/${m.folder}/node_modules`)],
  };
}

export function installSteps(project: NodeProject, withConfig: boolean): readonly PlanCommand[] {
  const { manager, hasBuild } = project;
  return installCommands(manager, hasBuild).map((argv) => ({
    argv,
    user: "app",
    env: installEnv(manager, project.registry),
    withConfig: withConfig || project.needsConfig,
    hint: installHint(manager),
  }));
}

export function installTitle(project: NodeProject): string {
  const [argv = []] = installCommands(project.manager, project.hasBuild);
  return `Installing dependencies (${argv.slice(0, 2).join(" ")})`;
}

function installHint(manager: Manager): string {
  const tool = manager.kind === "berry" ? "yarn" : manager.kind;
  const { lockfile } = manager;
  if (lockfile === undefined)
    return `Find the cause with "${tool} install" in a fresh clone, commit the lockfile and push again.`;
  return `If ${lockfile} is out of step with package.json, run "${tool} install", commit ${lockfile} and push again.`;
}

/** Folders of the repository that a dependency points to: `file:./lib`. */
function localPackages(pkg: PackageJson): readonly string[] {
  const specs = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) =>
    Object.values(dependenciesOf(pkg, kind)),
  );
  return specs.flatMap((spec) => {
    const target = /^(?:file|link|portal):(.+)$/.exec(spec)?.[1];
    return target === undefined ? [] : [path.posix.normalize(target)];
  });
}
