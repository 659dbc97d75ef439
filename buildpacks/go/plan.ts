import type {
  Available,
  Buildpack,
  PlanCommand,
  PlanLayer,
  PlanResult,
  PlanStep,
  SourceView,
} from "../../server/builds/plan.ts";
import { parseProcessType, web } from "../../server/core/ids.ts";
import type { ProcessCommand } from "../../server/core/types.ts";
import { isRefusal } from "../reading.ts";
import type { MainPackage } from "./packages.ts";
import { type GoProject, readGoProject } from "./project.ts";

const looksFor = ["go.mod", "go.work"];

export const go: Buildpack = {
  name: "go",
  looksFor,
  detect: (source) => looksFor.some((file) => source.has(file)),
  plan: planGo,
};

const home = "/opt/go";
const common = {
  CI: "true",
  HOME: "/tmp",
  GOCACHE: "/cache/go-build",
  GOFLAGS: "-buildvcs=false -modcacherw",
} as const;

function planGo(source: SourceView, available: Available): PlanResult {
  const project = readGoProject(source, available.go);
  if (isRefusal(project)) return project;
  // A whole version can be fetched without the app's files: once for all apps.
  const isShared = project.needsToolchain && /^\d+\.\d+\.\d+$/.test(project.version);
  const needsLayer = project.fetchesModules || project.needsToolchain;
  const env = { ...common, GOMODCACHE: needsLayer ? `${home}/mod` : "/cache/go-mod", GOTOOLCHAIN: project.toolchain };
  return {
    ok: true,
    plan: {
      buildpack: "go",
      runtime: `go ${project.version}`,
      layers: [
        ...(isShared ? [toolchainLayer(project.version, env)] : []),
        ...(project.fetchesModules || (project.needsToolchain && !isShared) ? [modulesLayer(project, env)] : []),
      ],
      build: buildStep(project.mains, env),
      env: {},
      path: ["/app/bin"],
      processes: defaultProcesses(project.mains),
      notes: [...project.notes, ...notesFor(source, project.mains)],
    },
  };
}

const ownHome: PlanCommand = {
  argv: ["install", "-d", "-o", "1000", "-g", "1000", home, `${home}/mod`],
  user: "root",
  withConfig: false,
  hint: `${home} could not be made.`,
};

function toolchainLayer(version: string, env: Readonly<Record<string, string>>): PlanLayer {
  return {
    name: "toolchain",
    title: `Fetching Go ${version}`,
    files: [],
    commands: [
      ownHome,
      {
        argv: ["go", "version"],
        user: "app",
        env: { ...env, GOTOOLCHAIN: `go${version}` },
        withConfig: false,
        hint: `The go or toolchain line of go.mod must name a released Go: ${version} could not be fetched.`,
      },
    ],
    launch: false,
    keep: [home],
  };
}

/** The modules, and the toolchain where it is no layer of its own, in one cache that the build step reads. */
function modulesLayer(project: GoProject, env: Readonly<Record<string, string>>): PlanLayer {
  const fetch = project.fetchesModules ? ["go", "mod", "download"] : ["go", "version"];
  return {
    name: "modules",
    title: `Fetching modules (${fetch.join(" ")})`,
    files: project.files,
    commands: [
      ownHome,
      {
        argv: fetch,
        user: "app",
        env: project.isWorkspace ? env : { ...env, GOWORK: "off" },
        withConfig: false,
        hint: "Check the versions in go.mod: the go line must name a released Go, and each module a published version. Then: go mod tidy",
      },
    ],
    launch: false,
    keep: [home],
  };
}

function buildStep(mains: readonly MainPackage[], env: Readonly<Record<string, string>>): PlanStep {
  return {
    title: `Building ${mains.map((m) => `bin/${m.name}`).join(", ")} (go build)`,
    files: [],
    commands: [
      {
        argv: ["mkdir", "-p", "bin"],
        user: "app",
        withConfig: false,
        hint: "bin is in the repository and is not a folder.",
      },
      {
        argv: ["go", "build", "-tags", "heroku", "-o", "bin/", ...mains.map((m) => m.path)],
        user: "app",
        env,
        withConfig: true,
        hint: "Run go build ./... in a fresh clone to see the same, correct it and push again.",
      },
    ],
  };
}

/** Heroku's rule: one program is web, several are named after themselves. */
function defaultProcesses(mains: readonly MainPackage[]): readonly ProcessCommand[] {
  const [only, ...more] = mains;
  if (only !== undefined && more.length === 0) return [{ type: web, command: `bin/${only.name}` }];
  return mains.flatMap((m) =>
    /^[A-Za-z0-9_-]{1,63}$/.test(m.name) ? [{ type: parseProcessType(m.name), command: `bin/${m.name}` }] : [],
  );
}

function notesFor(source: SourceView, mains: readonly MainPackage[]): readonly string[] {
  if (source.has("Procfile") || mains.length === 1 || mains.some((m) => m.name === web)) return [];
  return [
    `Several programs and none called web: to serve requests, commit a Procfile like: web: bin/${mains[0]?.name ?? "app"}`,
  ];
}
