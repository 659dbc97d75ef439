import type { Buildpack, PlanResult, SourceView } from "../../server/builds/plan.ts";
import { refuse } from "../reading.ts";

/** Nothing to install: the Procfile runs what is in the repository or on the stack. */
export const procfile: Buildpack = {
  name: "procfile",
  looksFor: ["Procfile"],
  detect: (source) => source.has("Procfile"),
  plan: planProcfile,
};

function planProcfile(source: SourceView): PlanResult {
  if (!source.has("Procfile")) return refuse("There is no Procfile.", "Commit one with a line like: web: ./server");
  return {
    ok: true,
    plan: {
      buildpack: "procfile",
      runtime: "none",
      layers: [],
      build: undefined,
      env: {},
      path: [],
      processes: [],
      notes: ["No language was found: the Procfile's commands run as they are."],
    },
  };
}
