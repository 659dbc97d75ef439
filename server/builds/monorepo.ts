import type { ProcessCommand } from "../core/types.ts";
import { web } from "../core/ids.ts";
import type { BuildPlan, PlanLayer, PlanStep, SourceView } from "./plan.ts";
import { sourceBelow } from "./source-view.ts";

const lockfiles = ["package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"];

/**
 * The folder at which dependencies are installed: the app's own, or the top when the folder is a Node package of a workspace
 * whose lockfile is there.
 */
export function installFolder(top: SourceView, root: string): string {
  if (root === "") return "";
  const own = sourceBelow(top, root);
  const hasLock = (source: SourceView): boolean => lockfiles.some((file) => source.has(file));
  if (!own.has("package.json") || hasLock(own) || !hasLock(top)) return root;
  const isWorkspace = top.has("pnpm-workspace.yaml") || readPackage(top)["workspaces"] !== undefined;
  return isWorkspace ? "" : root;
}

/** Of a member of a workspace: its own start script, whatever the top starts. */
export function memberProcesses(own: SourceView): readonly ProcessCommand[] {
  const scripts = readPackage(own)["scripts"];
  const hasStart = typeof scripts === "object" && scripts !== null && "start" in scripts;
  return hasStart ? [{ type: web, command: "npm start" }] : [];
}

/** The top of a workspace as a buildpack sees it when a member is what starts: how is for the member to say. */
export function startedBy(member: SourceView, top: SourceView): SourceView {
  const written = memberProcesses(member).map(({ type, command }) => `${type}: ${command ?? ""}\n`);
  const procfile = member.read("Procfile") ?? (written.length === 0 ? undefined : written.join(""));
  return {
    has: (path) => (path === "Procfile" ? procfile !== undefined : top.has(path)),
    read: (path) => (path === "Procfile" ? procfile : top.read(path)),
    list: (folder) => top.list(folder),
  };
}

function readPackage(source: SourceView): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(source.read("package.json") ?? "{}");
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    // The buildpack says what is wrong with it.
    return {};
  }
}

/** `/app/apps/web` */
export function appFolder(root: string): string {
  return root === "" ? "/app" : `/app/${root}`;
}

/** A plan that was made for a folder, for the whole repository in /app: its files and all that it says of /app move below. */
export function placedIn(plan: BuildPlan, root: string): BuildPlan {
  if (root === "") return plan;
  const moved = movePaths(plan, appFolder(root)) as BuildPlan;
  return {
    ...moved,
    layers: moved.layers.map((layer): PlanLayer => ({ ...layer, ...below(layer, root) })),
    build: moved.build && { ...moved.build, ...below(moved.build, root) },
    // What people read and what is run in the folder itself stays as it was written.
    runtime: plan.runtime,
    processes: plan.processes,
    notes: plan.notes,
  };
}

function below(step: PlanStep, root: string): Pick<PlanStep, "files" | "inputs" | "commands"> {
  const inputs = Object.entries(step.inputs ?? {}).map(([name, text]) => [`${root}/${name}`, text]);
  return {
    commands: step.commands.map((command) => ({ ...command, cwd: appFolder(root) })),
    files: step.files.map((file) => `${root}/${file}`),
    ...(step.inputs !== undefined && { inputs: Object.fromEntries(inputs) as Record<string, string> }),
  };
}

const appPath = /(?<![\w./-])\/app(?![\w.-])/g;

function movePaths(value: unknown, to: string): unknown {
  if (typeof value === "string") return value.replace(appPath, () => to);
  if (Array.isArray(value)) return value.map((item: unknown) => movePaths(item, to));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, movePaths(item, to)]));
}
