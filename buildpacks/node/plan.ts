import type { Available, Buildpack, PlanResult, SourceView } from "../../server/builds/plan.ts";
import { web } from "../../server/core/ids.ts";
import type { ProcessCommand } from "../../server/core/types.ts";
import { isRefusal, type Refusal, refuse } from "../reading.ts";
import { buildStep } from "./build.ts";
import { berryEnv } from "./commands.ts";
import { dependencyLayer } from "./dependencies.ts";
import type { PackageJson } from "./package-json.ts";
import { type NodeProject, readProject } from "./project.ts";
import { nodeHome, runtimeLayer } from "./runtime.ts";
import { isPresent } from "./scripts.ts";

export const node: Buildpack = {
  name: "node",
  looksFor: ["package.json"],
  detect: (source) => source.has("package.json"),
  plan: planNode,
};

function planNode(source: SourceView, available: Available): PlanResult {
  const project = readProject(source, available);
  if (isRefusal(project)) return project;
  const processes = defaultProcesses(source, project.pkg);
  if (isRefusal(processes)) return processes;
  const runtime = runtimeLayer(project.nodeVersion, project.npmVersion, project.manager, available);
  return {
    ok: true,
    plan: {
      buildpack: "node",
      runtime: `node ${project.nodeVersion}`,
      layers: project.install === "layer" ? [runtime, dependencyLayer(source, project)] : [runtime],
      build: buildStep(source, project),
      env: runEnv(project),
      path: [`${nodeHome}/bin`, "/app/node_modules/.bin"],
      processes,
      notes: project.notes,
    },
  };
}

function runEnv(project: NodeProject): Readonly<Record<string, string>> {
  return { NODE_ENV: "production", ...(project.manager.kind === "berry" ? berryEnv : {}) };
}

function defaultProcesses(source: SourceView, pkg: PackageJson): readonly ProcessCommand[] | Refusal {
  if (isPresent(pkg, "start")) return [{ type: web, command: "npm start" }];
  if (source.has("server.js")) return [{ type: web, command: "node server.js" }];
  if (source.has("Procfile")) return [];
  const main = pkg.raw["main"];
  const entry = typeof main === "string" && source.has(main) ? main : "index.js";
  return refuse(
    "Nothing says how to start the app: package.json has no start script, and there is no server.js and no Procfile.",
    `Add "start": "node ${entry}" to the scripts of package.json, or commit a Procfile with the line: web: node ${entry}`,
  );
}
