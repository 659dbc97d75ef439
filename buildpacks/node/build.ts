import type { PlanCommand, PlanStep, SourceView } from "../../server/builds/plan.ts";
import { installEnv, pruneCommand, runCommand } from "./commands.ts";
import { installSteps } from "./dependencies.ts";
import { dependenciesOf } from "./package-json.ts";
import { isCheckedIn, type NodeProject } from "./project.ts";
import { buildScript, isPresent, lifecycleCommands } from "./scripts.ts";

/** What runs with the whole source on every push; undefined when nothing has to. */
export function buildStep(source: SourceView, project: NodeProject): PlanStep | undefined {
  const { pkg, manager, members, install } = project;
  const run = (argv: readonly string[], hint: string) => command(project, argv, hint);
  const script = (name: string) => (isPresent(pkg, name) ? [run(runCommand(manager, name), scriptHint(name))] : []);
  const build = buildScript(pkg);
  const commands = [
    ...script("heroku-prebuild"),
    ...(install === "build" ? inPlace(source, project) : []),
    // An install in the build step has run them already.
    ...(install === "build"
      ? []
      : lifecycleCommands(manager, pkg, members).map((argv) => run(argv, scriptHint(argv.at(-1) ?? "")))),
    ...(build === undefined ? [] : script(build)),
    ...prune(project),
    ...script("heroku-cleanup"),
  ];
  if (commands.length === 0) return undefined;
  return { title: titleOf(project, build), files: [], commands };
}

function inPlace(source: SourceView, project: NodeProject): readonly PlanCommand[] {
  const rebuild = command(
    project,
    ["npm", "rebuild"],
    "A package of node_modules could not be rebuilt: remove node_modules from git.",
  );
  return [...(isCheckedIn(source) ? [rebuild] : []), ...installSteps(project, true)];
}

function prune(project: NodeProject): readonly PlanCommand[] {
  const { pkg, manager, members, install, hasBuild } = project;
  const hasDev = [pkg, ...members.map((m) => m.pkg)].some(
    (p) => Object.keys(dependenciesOf(p, "devDependencies")).length > 0,
  );
  if (install === "none" || !hasBuild || !hasDev) return [];
  const argv = pruneCommand(manager, members.length > 0);
  return argv === undefined ? [] : [command(project, argv, "Development dependencies could not be removed.")];
}

function command(project: NodeProject, argv: readonly string[], hint: string): PlanCommand {
  return { argv, user: "app", env: installEnv(project.manager, project.registry), withConfig: true, hint };
}

function titleOf(project: NodeProject, build: string | undefined): string {
  if (build !== undefined) return `Building (${runCommand(project.manager, build).join(" ")})`;
  return project.install === "build" ? "Installing dependencies" : "Running install scripts";
}

function scriptHint(name: string): string {
  return `The script "${name}" of package.json failed: run it in a fresh clone to see the same, correct it and push again.`;
}
