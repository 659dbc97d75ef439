import type { Available, Buildpack, PlanLayer, PlanResult, SourceView } from "../../server/builds/plan.ts";
import { isRefusal } from "../reading.ts";
import { buildStep } from "./build.ts";
import { berryEnv } from "./commands.ts";
import { dependencyLayer } from "./dependencies.ts";
import { type NodeProject, readProject } from "./project.ts";
import { nodeHome, runtimeLayer } from "./runtime.ts";

export const node: Buildpack = {
  name: "node",
  looksFor: ["package.json"],
  needsRegistry: true,
  detect: (source) => source.has("package.json"),
  plan: planNode,
};

function planNode(source: SourceView, available: Available): PlanResult {
  const project = readProject(source, available);
  if (isRefusal(project)) return project;
  const { site, processes } = project.web;
  return {
    ok: true,
    plan: {
      buildpack: "node",
      runtime: `node ${project.nodeVersion}`,
      layers: layersOf(source, project, available),
      build: buildStep(source, project),
      env: site === undefined ? runEnv(project) : {},
      path: [`${nodeHome}/bin`, "/app/node_modules/.bin"],
      processes,
      notes: project.notes,
    },
  };
}

/** Pages that nginx serves need nothing of what made them. */
function layersOf(source: SourceView, project: NodeProject, available: Available): readonly PlanLayer[] {
  const { nodeVersion, npmVersion, manager, install, web } = project;
  const isLaunched = web.site === undefined;
  return [
    runtimeLayer(nodeVersion, npmVersion, manager, available, isLaunched),
    ...(install === "layer" ? [dependencyLayer(source, project, isLaunched)] : []),
    ...(web.site === undefined ? [] : [web.site.layer]),
  ];
}

function runEnv(project: NodeProject): Readonly<Record<string, string>> {
  return { NODE_ENV: "production", ...(project.manager.kind === "berry" ? berryEnv : {}) };
}
