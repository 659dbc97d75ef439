import semver from "semver";
import type { Available, SourceView } from "../../server/builds/plan.ts";
import { isRefusal, namesVariables, readIfSmall, type Refusal, registryAway } from "../reading.ts";
import { checkNpmLock } from "./lock-check.ts";
import { chooseManager, type Manager, npmFor } from "./manager.ts";
import { needsInstall, type PackageJson, readPackageJson } from "./package-json.ts";
import { buildScript, isPresent, lifecycleScripts } from "./scripts.ts";
import { resolveNode } from "./versions.ts";
import { chooseWeb, type Web } from "./web.ts";
import { findMembers, type Member } from "./workspaces.ts";

/** All that is known about a Node repository before it is planned. */
export interface NodeProject {
  readonly pkg: PackageJson;
  readonly members: readonly Member[];
  readonly nodeVersion: string;
  readonly npmVersion: string;
  readonly manager: Manager;
  /** How the dependencies come to be: not at all, in a layer of their own, or in the build step. */
  readonly install: "none" | "layer" | "build";
  readonly hasBuild: boolean;
  /** An install needs config vars: a private registry's token. */
  readonly needsConfig: boolean;
  /** Undefined when the project names a registry of its own. */
  readonly registry: string | undefined;
  readonly web: Web;
  readonly notes: readonly string[];
}

const settingsFiles = [".npmrc", ".yarnrc", ".yarnrc.yml", "bunfig.toml"];

export function readProject(source: SourceView, available: Available): NodeProject | Refusal {
  const pkg = readPackageJson(source);
  if (isRefusal(pkg)) return pkg;
  if (available.node.length === 0 && available.registryProblem !== undefined)
    return registryAway("Node", available.registryProblem);
  const node = resolveNode(source, pkg, available.node);
  if (isRefusal(node)) return node;
  const manager = chooseManager(source, pkg, node.version, available);
  if (isRefusal(manager)) return manager;
  const npmVersion = manager.kind === "npm" ? manager.version : npmFor(pkg, node.version);
  if (isRefusal(npmVersion)) return npmVersion;
  const members = findMembers(source, pkg);
  const hasBuild = needsBuildStep(pkg, members);
  const install = howToInstall(source, pkg, members, hasBuild);
  const web = chooseWeb(source, { pkg, manager, members });
  if (isRefusal(web)) return web;
  const outOfStep = install === "none" || manager.kind !== "npm" ? undefined : checkLock(source, manager, pkg);
  if (outOfStep !== undefined) return outOfStep;
  return {
    ...{ pkg, members, manager, npmVersion, install, hasBuild, web },
    nodeVersion: node.version,
    needsConfig: namesVariables(source, settingsFiles),
    registry: namesRegistry(source) ? undefined : available.npmRegistry,
    notes: [
      ...node.notes,
      ...(install === "none" ? [] : manager.notes),
      ...installNotes(source, pkg, install),
      ...web.notes,
    ],
  };
}

function needsBuildStep(pkg: PackageJson, members: readonly Member[]): boolean {
  const scripts = [buildScript(pkg), ...lifecycleScripts(pkg), ...members.flatMap((m) => lifecycleScripts(m.pkg))];
  return scripts.some((s) => s !== undefined) || ["heroku-prebuild", "heroku-cleanup"].some((s) => isPresent(pkg, s));
}

function howToInstall(source: SourceView, pkg: PackageJson, members: readonly Member[], hasBuild: boolean) {
  if (members.length === 0 && !needsInstall(pkg, hasBuild)) return "none";
  // heroku-prebuild may write what the install reads, so it has to see the whole source before.
  return isCheckedIn(source) || isPresent(pkg, "heroku-prebuild") ? "build" : "layer";
}

export function isCheckedIn(source: SourceView): boolean {
  return source.has("node_modules");
}

function checkLock(source: SourceView, manager: Manager, pkg: PackageJson): Refusal | undefined {
  if (manager.lockfile === undefined || semver.major(manager.version) < 7) return undefined;
  return checkNpmLock(source, manager.lockfile, pkg);
}

function namesRegistry(source: SourceView): boolean {
  return settingsFiles.some((file) =>
    /^\s*"?(registry|npmRegistryServer)"?\s*[=:\s]/m.test(readIfSmall(source, file) ?? ""),
  );
}

function installNotes(source: SourceView, pkg: PackageJson, install: NodeProject["install"]): readonly string[] {
  if (install !== "build") return [];
  if (isCheckedIn(source)) {
    return [
      "node_modules is checked in, so it is rebuilt on every push. Faster without: git rm -r --cached node_modules",
    ];
  }
  return isPresent(pkg, "heroku-prebuild")
    ? ["heroku-prebuild comes before the install, so dependencies are installed on every push."]
    : [];
}
