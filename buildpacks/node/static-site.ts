import type { PlanLayer, SourceView } from "../../server/builds/plan.ts";
import { isRefusal, type Refusal } from "../reading.ts";
import { readStaticSettings } from "../static/plan.ts";
import { serverLayer } from "../static/server.ts";
import type { Pages } from "./frameworks.ts";

export interface StaticSite {
  readonly layer: PlanLayer;
  readonly notes: readonly string[];
}

/** How nginx serves what the build script makes; Staticfile or static.json may say more. */
export function staticSite(source: SourceView, pages: Pages): StaticSite | Refusal {
  const settings = readStaticSettings(source, pages.root);
  if (isRefusal(settings)) return settings;
  const isSaid = source.has("Staticfile") || source.has("static.json");
  const own = isSaid ? settings : { ...settings, isSinglePage: pages.isSinglePage, hasCleanUrls: !pages.isSinglePage };
  const fallback = own.isSinglePage ? ", index.html for any path without a file" : "";
  return {
    layer: serverLayer(source, own, true),
    notes: [
      `Serving ${own.root === "" ? "the top of the repository" : `${own.root}/`} with nginx${fallback}`,
      ...own.notes,
    ],
  };
}
