import type { Buildpack, PlanResult, SourceView } from "../../server/builds/plan.ts";
import { web } from "../../server/core/ids.ts";
import { isRefusal, type Refusal } from "../reading.ts";
import { isBuiltByNode } from "./built.ts";
import { defaultRoot, roots } from "./root.ts";
import { serveCommand, serverLayer } from "./server.ts";
import { plainSettings, type StaticSettings } from "./settings.ts";
import { readStaticJson } from "./static-json.ts";
import { readStaticfile } from "./staticfile.ts";

const pages = roots.map((folder) => (folder === "" ? "index.html" : `${folder}/index.html`));
const settingsFiles = ["Staticfile", "static.json"];

/** A Staticfile says it outright, so it comes before every language, as on Cloud Foundry. */
export const staticfile: Buildpack = {
  name: "static",
  looksFor: settingsFiles,
  detect: (source) => settingsFiles.some((file) => source.has(file)) && !isBuiltByNode(source),
  plan: planStatic,
};

/** Pages alone count only where no language was found: many apps have an index.html too. */
export const staticPages: Buildpack = {
  name: "static",
  looksFor: pages,
  detect: (source) => pages.some((page) => source.has(page)),
  plan: planStatic,
};

/** What Staticfile or static.json say, or the plain settings. `builtRoot` is where a build will put the pages. */
export function readStaticSettings(source: SourceView, builtRoot?: string): StaticSettings | Refusal {
  if (source.has("Staticfile")) return readStaticfile(source, builtRoot);
  if (source.has("static.json")) return readStaticJson(source, builtRoot);
  const root = builtRoot ?? defaultRoot(source);
  return typeof root === "string" ? { ...plainSettings, root } : root;
}

function planStatic(source: SourceView): PlanResult {
  const settings = readStaticSettings(source);
  if (isRefusal(settings)) return settings;
  return {
    ok: true,
    plan: {
      buildpack: "static",
      runtime: "nginx",
      layers: [serverLayer(source, settings)],
      build: undefined,
      env: {},
      path: [],
      processes: [{ type: web, command: serveCommand }],
      notes: [`Serving ${settings.root === "" ? "the top of the repository" : `${settings.root}/`}`, ...settings.notes],
    },
  };
}
