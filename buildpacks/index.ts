import type { Buildpack } from "../server/builds/plan.ts";
import { go } from "./go/plan.ts";
import { node } from "./node/plan.ts";
import { procfile } from "./procfile/plan.ts";
import { python } from "./python/plan.ts";
import { staticfile, staticPages } from "./static/plan.ts";

/** In order of precedence: the first that detects builds. */
export const buildpacks: readonly Buildpack[] = [staticfile, node, python, go, staticPages, procfile];
