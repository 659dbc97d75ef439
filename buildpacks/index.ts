import type { Buildpack } from "../server/builds/plan.ts";
import { deno } from "./deno/plan.ts";
import { go } from "./go/plan.ts";
import { java } from "./java/plan.ts";
import { node } from "./node/plan.ts";
import { php } from "./php/plan.ts";
import { procfile } from "./procfile/plan.ts";
import { python } from "./python/plan.ts";
import { ruby } from "./ruby/plan.ts";
import { rust } from "./rust/plan.ts";
import { staticfile, staticPages } from "./static/plan.ts";

/** In order of precedence: the first that detects builds. */
export const buildpacks: readonly Buildpack[] = [
  staticfile,
  ruby,
  deno,
  node,
  python,
  java,
  php,
  go,
  rust,
  staticPages,
  procfile,
];
