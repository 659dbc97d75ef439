import type { Manager } from "./manager.ts";
import type { PackageJson } from "./package-json.ts";
import { runCommand } from "./commands.ts";
import type { Member } from "./workspaces.ts";

// Guards of a developer's checkout: they have no meaning in a build and need tools that are not there.
const guard = /\b(only-allow|husky|lefthook|simple-git-hooks|is-ci)\b/;

/** Scripts that an install would run with the whole source at hand; the dependency layer has the manifests only. */
export function lifecycleScripts(pkg: PackageJson): readonly string[] {
  // `run install` runs its own pre and post.
  const names =
    pkg.scripts["install"] === undefined ? ["preinstall", "postinstall", "prepare"] : ["install", "prepare"];
  return names.filter((name) => {
    const script = pkg.scripts[name];
    return script !== undefined && script.trim() !== "" && !guard.test(script);
  });
}

/** Heroku's rule: `heroku-postbuild` when the key is there, even empty, else `build`. */
export function buildScript(pkg: PackageJson): string | undefined {
  const name = pkg.scripts["heroku-postbuild"] === undefined ? "build" : "heroku-postbuild";
  return isPresent(pkg, name) ? name : undefined;
}

export function isPresent(pkg: PackageJson, script: string): boolean {
  return (pkg.scripts[script] ?? "").trim() !== "";
}

/** argvs of the lifecycle scripts of the root and of the workspace members. */
export function lifecycleCommands(
  manager: Manager,
  pkg: PackageJson,
  members: readonly Member[],
): readonly (readonly string[])[] {
  return [
    ...members.flatMap((m) => lifecycleScripts(m.pkg).map((name) => runCommand(manager, name, m.folder))),
    ...lifecycleScripts(pkg).map((name) => runCommand(manager, name)),
  ];
}
