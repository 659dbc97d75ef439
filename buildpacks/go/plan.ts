import path from "node:path";
import semver from "semver";
import type { Available, Buildpack, PlanLayer, PlanResult, PlanStep, SourceView } from "../../server/builds/plan.ts";
import { parseProcessType, web } from "../../server/core/ids.ts";
import type { ProcessCommand } from "../../server/core/types.ts";
import { refuse } from "../reading.ts";
import { type ModFile, parseModFile } from "./modfile.ts";
import { findMains, type MainPackage } from "./packages.ts";

export const go: Buildpack = {
  name: "go",
  looksFor: ["go.mod"],
  detect: (source) => source.has("go.mod"),
  plan: planGo,
};

const home = "/opt/go";
const env = {
  CI: "true",
  HOME: "/tmp",
  GOCACHE: "/cache/go-build",
  GOFLAGS: "-buildvcs=false -modcacherw",
  GOMODCACHE: `${home}/mod`,
  // Distributions set it to "local", which refuses a go.mod that asks for a newer Go.
  GOTOOLCHAIN: "auto",
} as const;

function planGo(source: SourceView, available: Available): PlanResult {
  const text = source.read("go.mod");
  if (text === undefined)
    return refuse("There is no go.mod.", "Make one with: go mod init NAME && go mod tidy. Commit it and push again.");
  const mod = parseModFile(text);
  const isVendored = source.has("vendor/modules.txt");
  if (mod.hasRequirements && !isVendored && !source.has("go.sum")) {
    return refuse("go.mod lists modules, but there is no go.sum.", "Run go mod tidy, commit go.sum and push again.");
  }
  const outside = mod.localReplacements.find((folder) => path.posix.normalize(folder).startsWith(".."));
  if (outside !== undefined) {
    return refuse(
      `go.mod replaces a module by ${outside}, which is outside of the repository.`,
      "Move it into the repository, or require a published version.",
    );
  }
  const mains = findMains(source, mod);
  if (mains.length === 0) {
    return refuse(
      "No main package was found at the top of the repository or in a folder of cmd/.",
      "Put it there, or name it in go.mod with the comment: // +heroku install ./path/to/main",
    );
  }
  const fetchesModules = mod.hasRequirements && !isVendored;
  const needsLayer = fetchesModules || [mod.go, mod.toolchain].some((v) => isNewer(v, available.go));
  return {
    ok: true,
    plan: {
      buildpack: "go",
      runtime: `go ${newerOf(mod, available.go)}`,
      layers: needsLayer ? [modulesLayer(source, mod, fetchesModules)] : [],
      build: buildStep(mains, needsLayer ? env : { ...env, GOMODCACHE: "/cache/go-mod" }),
      env: {},
      path: ["/app/bin"],
      processes: defaultProcesses(mains),
      notes: notesFor(source, mains),
    },
  };
}

/** The toolchain that go.mod asks for and the modules, in one cache that the build step reads. */
function modulesLayer(source: SourceView, mod: ModFile, fetchesModules: boolean): PlanLayer {
  const folders = mod.localReplacements.map((folder) => path.posix.normalize(folder).replace(/\/$/, ""));
  const candidates = ["go.mod", "go.sum", ...folders.flatMap((f) => [`${f}/go.mod`, `${f}/go.sum`])];
  const own = ["install", "-d", "-o", "1000", "-g", "1000", home, `${home}/mod`];
  const fetch = fetchesModules ? ["go", "mod", "download"] : ["go", "version"];
  return {
    name: "modules",
    title: `Fetching modules (${fetch.join(" ")})`,
    files: candidates.filter((file) => source.has(file)),
    commands: [
      { argv: own, user: "root", withConfig: false, hint: `${home} could not be made.` },
      {
        argv: fetch,
        user: "app",
        env: { ...env, GOWORK: "off" },
        withConfig: false,
        hint: "Check the versions in go.mod: the go line must name a released Go, and each module a published version. Then: go mod tidy",
      },
    ],
    launch: false,
    keep: [home],
  };
}

function isNewer(version: string | undefined, than: string): boolean {
  return semver.gt(semver.coerce(version) ?? "0.0.0", semver.coerce(than) ?? "0.0.0");
}

/** The toolchain that builds: the stack's own, unless go.mod asks for a newer one. */
function newerOf(mod: ModFile, stack: string): string {
  return [mod.go, mod.toolchain].reduce<string>((best, v) => (v !== undefined && isNewer(v, best) ? v : best), stack);
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
        argv: ["go", "build", "-o", "bin/", ...mains.map((m) => m.path)],
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
