import type { Available, Buildpack, PlanResult, SourceView } from "../../server/builds/plan.ts";
import { isRefusal } from "../reading.ts";
import { buildStep } from "./build.ts";
import { defaultProcesses } from "./frameworks.ts";
import { pythonLayers, venv } from "./layers.ts";
import { readPythonProject } from "./project.ts";
import { checkPython } from "./versions.ts";

const looksFor = [
  ...["requirements.txt", "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock", "pdm.lock"],
  ...["setup.py", "manage.py", "environment.yml"],
];

export const python: Buildpack = {
  name: "python",
  looksFor,
  detect: (source) => looksFor.some((file) => source.has(file)),
  plan: planPython,
};

// The router alone reaches an instance, so its X-Forwarded-* are to be believed.
const runEnv = { PYTHONUNBUFFERED: "1", PYTHONPATH: "/app", FORWARDED_ALLOW_IPS: "*" } as const;

function planPython(source: SourceView, available: Available): PlanResult {
  const project = readPythonProject(source);
  if (isRefusal(project)) return project;
  const unfit = checkPython(source, project.pyproject, available.python);
  if (unfit !== undefined) return unfit;
  const processes = source.has("Procfile") ? [] : defaultProcesses(source, project.names);
  if (isRefusal(processes)) return processes;
  return {
    ok: true,
    plan: {
      buildpack: "python",
      runtime: `python ${available.python}`,
      layers: pythonLayers(source, project),
      build: buildStep(source, project.names, runEnv),
      env: runEnv,
      path: [`${venv}/bin`],
      processes,
      notes: [],
    },
  };
}
