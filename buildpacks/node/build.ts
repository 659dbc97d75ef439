import type { PlanCommand, PlanStep, SourceView } from "../../server/builds/plan.ts";
import { buildCache } from "./build-cache.ts";
import { installEnv, pruneCommand, runCommand } from "./commands.ts";
import { installSteps } from "./dependencies.ts";
import { dependenciesOf } from "./package-json.ts";
import { isCheckedIn, type NodeProject } from "./project.ts";
import { buildScript, isPresent, lifecycleCommands } from "./scripts.ts";

/** What runs with the whole source on every push; undefined when nothing has to. */
export function buildStep(source: SourceView, project: NodeProject): PlanStep | undefined {
  const { pkg, manager, members, install } = project;
  const cache = buildCache(pkg);
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
    ...(build === undefined ? [] : [...cache.restore, ...script(build), ...cache.save]),
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

// What Heroku's users set to keep development dependencies at run time.
const unlessKept = `case "\${NODE_ENV:-production}:\${NPM_CONFIG_PRODUCTION:-true}:\${YARN_PRODUCTION:-true}" in
  production:true:true) ;;
  *) echo "Development dependencies are kept: a config var asks for it."; exit 0 ;;
esac
if [ "\${YARN2_SKIP_PRUNING:-}" = true ] || [ "\${PNPM_SKIP_PRUNING:-}" = true ]; then
  echo "Development dependencies are kept: a config var asks for it."; exit 0
fi
exec "$@"`;

function prune(project: NodeProject): readonly PlanCommand[] {
  const { pkg, manager, members, install, hasBuild } = project;
  if (project.web.site !== undefined) return install === "none" ? [] : [removeAll(project)];
  const hasDev = [pkg, ...members.map((m) => m.pkg)].some(
    (p) => Object.keys(dependenciesOf(p, "devDependencies")).length > 0,
  );
  if (install === "none" || !hasBuild || !hasDev) return [];
  const argv = pruneCommand(manager, members.length > 0);
  if (argv === undefined) return [];
  const name = argv[0] === "bash" ? argv.at(-1) : argv.join(" ");
  const skippable = ["bash", "-c", unlessKept, "prune", ...argv];
  return [
    {
      ...command(project, skippable, "Development dependencies could not be removed."),
      ...(name !== undefined && { name }),
      prunes: true,
    },
  ];
}

function removeAll(project: NodeProject): PlanCommand {
  const folders = ["node_modules", ...project.members.map((m) => `${m.folder}/node_modules`)];
  return command(project, ["rm", "-rf", ...folders], "node_modules could not be removed.");
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
