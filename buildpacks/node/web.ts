import type { SourceView } from "../../server/builds/plan.ts";
import { web } from "../../server/core/ids.ts";
import type { ProcessCommand } from "../../server/core/types.ts";
import { isRefusal, type Refusal, refuse } from "../reading.ts";
import { serveCommand } from "../static/server.ts";
import { findFramework, type Pages, type Served, usableStart } from "./frameworks.ts";
import type { Manager } from "./manager.ts";
import type { PackageJson } from "./package-json.ts";
import { buildScript, isPresent } from "./scripts.ts";
import { type StaticSite, staticSite } from "./static-site.ts";
import type { Member } from "./workspaces.ts";

/** How the app is started when it has no Procfile. */
export interface Web {
  readonly processes: readonly ProcessCommand[];
  /** Undefined unless nginx serves what the build makes: then neither Node nor node_modules go into the droplet. */
  readonly site: StaticSite | undefined;
  readonly notes: readonly string[];
}

const bunEntries = ["server.ts", "server.js", "index.ts", "index.js", "src/server.ts", "src/index.ts"];

export function chooseWeb(
  source: SourceView,
  project: { readonly pkg: PackageJson; readonly manager: Manager; readonly members: readonly Member[] },
): Web | Refusal {
  const { pkg, manager } = project;
  const isBun = manager.kind === "bun";
  const framework = findFramework(pkg);
  const made = framework?.served(source);
  if (!source.has("Procfile") && saysStatic(source, pkg)) {
    return asSite(source, made !== undefined && "root" in made ? made : { root: "dist", isSinglePage: false }, []);
  }
  if (usableStart(pkg, framework !== undefined)) return started(isBun ? "bun run start" : "npm start");
  const notes = isPresent(pkg, "start")
    ? [`The start script (${pkg.scripts["start"]}) is a development server, so it is not used.`]
    : [];
  if (source.has("server.js") && !isBun) return started("node server.js", notes);
  if (source.has("Procfile")) return { processes: [], site: undefined, notes: [] };
  if (made !== undefined) return served(source, made, notes);
  const entry = isBun ? bunEntries.find((file) => source.has(file)) : undefined;
  return entry === undefined ? noStart(source, project) : started(`bun ${entry}`);
}

/** A Staticfile of a repository with a build script: `detect` of the static buildpack has left it to this one. */
function saysStatic(source: SourceView, pkg: PackageJson): boolean {
  return buildScript(pkg) !== undefined && (source.has("Staticfile") || source.has("static.json"));
}

function served(source: SourceView, what: Served, notes: readonly string[]): Web | Refusal {
  return "command" in what ? started(what.command, notes) : asSite(source, what, notes);
}

function asSite(source: SourceView, pages: Pages, notes: readonly string[]): Web | Refusal {
  const site = staticSite(source, pages);
  if (isRefusal(site)) return site;
  return { processes: [{ type: web, command: serveCommand }], site, notes: [...notes, ...site.notes] };
}

function started(command: string, notes: readonly string[] = []): Web {
  return { processes: [{ type: web, command }], site: undefined, notes };
}

function noStart(
  source: SourceView,
  { pkg, members }: { readonly pkg: PackageJson; readonly members: readonly Member[] },
): Refusal {
  const main = pkg.raw["main"];
  const entry = typeof main === "string" && source.has(main) ? main : "index.js";
  const member = members.find((m) => isPresent(m.pkg, "start"));
  const line = member === undefined ? `node ${entry}` : `npm --prefix ${member.folder} start`;
  return refuse(
    "Nothing says how to start the app: package.json has no start script, and there is no server.js and no Procfile.",
    `Add "start": "${line}" to the scripts of package.json, or commit a Procfile with the line: web: ${line}`,
  );
}
