import type { Buildpack, PlanLayer, PlanResult, SourceView } from "../../server/builds/plan.ts";
import { web } from "../../server/core/ids.ts";
import { isRefusal } from "../reading.ts";
import { nginxConf, serveScript, staticHome } from "./server.ts";
import { readStaticSettings, type StaticSettings } from "./staticfile.ts";

const pages = ["index.html", "public/index.html", "dist/index.html"];

/** A Staticfile says it outright, so it comes before every language, as on Cloud Foundry. */
export const staticfile: Buildpack = {
  name: "static",
  looksFor: ["Staticfile"],
  detect: (source) => source.has("Staticfile"),
  plan: planStatic,
};

/** Pages alone count only where no language was found: many apps have an index.html too. */
export const staticPages: Buildpack = {
  name: "static",
  looksFor: pages,
  detect: (source) => pages.some((page) => source.has(page)),
  plan: planStatic,
};

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
      processes: [{ type: web, command: `${staticHome}/serve` }],
      notes: [`Serving ${settings.root === "" ? "the top of the repository" : `${settings.root}/`}`, ...settings.notes],
    },
  };
}

// $1 is the start script, $2 nginx's settings.
const write = `set -eu
mkdir -p ${staticHome}
printf %s "$1" >${staticHome}/serve
printf %s "$2" >${staticHome}/nginx.conf
chmod 755 ${staticHome}/serve`;

function serverLayer(source: SourceView, settings: StaticSettings): PlanLayer {
  const { root, isSinglePage } = settings;
  const conf = nginxConf({
    root: root === "" ? "/app" : `/app/${root}`,
    isSinglePage,
    hasNotFoundPage: source.has(root === "" ? "404.html" : `${root}/404.html`),
  });
  return {
    name: "server",
    title: "Setting up nginx",
    files: [],
    commands: [
      {
        argv: ["sh", "-c", write, "write-server", serveScript, conf],
        user: "root",
        withConfig: false,
        hint: "Push again; paas doctor checks the stack.",
      },
    ],
    launch: true,
    keep: [staticHome],
  };
}
