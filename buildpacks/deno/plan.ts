import semver from "semver";
import type { Available, Buildpack, PlanLayer, PlanResult, PlanStep, SourceView } from "../../server/builds/plan.ts";
import { web } from "../../server/core/ids.ts";
import { isRefusal, type Refusal, refuse, registryAway } from "../reading.ts";
import { type DenoProject, readDenoProject } from "./project.ts";

const looksFor = ["deno.json", "deno.jsonc", "deno.lock"];
const nodeLockfiles = ["package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"];
const home = "/opt/deno";
const newestDeno = "2.9.6";

export const deno: Buildpack = {
  name: "deno",
  looksFor,
  needsRegistry: true,
  // A lockfile of another package manager says that deno.json is there for the editor.
  detect: (source) => looksFor.some((file) => source.has(file)) && !nodeLockfiles.some((file) => source.has(file)),
  plan: planDeno,
};

const env = { DENO_DIR: `${home}/cache`, DENO_NO_UPDATE_CHECK: "1", DENO_NO_PROMPT: "1" } as const;

function planDeno(source: SourceView, available: Available): PlanResult {
  const { npmRegistry, registryProblem } = available;
  if (npmRegistry === "" && registryProblem !== undefined) return registryAway("Deno", registryProblem);
  const version = resolveVersion(source, available.deno.length > 0 ? available.deno : [newestDeno]);
  if (typeof version !== "string") return version;
  const project = readDenoProject(source);
  if (isRefusal(project)) return project;
  const build = buildStep(project, available);
  return {
    ok: true,
    plan: {
      buildpack: "deno",
      runtime: `deno ${version}`,
      layers: [
        runtimeLayer(version, available),
        ...(project.hasImports ? [dependencyLayer(source, project, available)] : []),
      ],
      build,
      env,
      path: [`${home}/bin`],
      processes: project.command === undefined ? [] : [{ type: web, command: project.command }],
      notes: [],
    },
  };
}

function resolveVersion(source: SourceView, releases: readonly string[]): string | Refusal {
  const file = [".deno-version", ".dvmrc"].find((name) => source.has(name));
  const wish = (file === undefined ? "" : (source.read(file) ?? "")).trim().replace(/^v/, "");
  if (file === undefined || wish === "") return releases[0] ?? newestDeno;
  const found = semver.validRange(wish) === null ? undefined : releases.find((v) => semver.satisfies(v, wish));
  if (found !== undefined) return found;
  return refuse(
    `${file} asks for Deno ${wish}, which cannot be had.`,
    `The newest that can be had: ${releases.slice(0, 5).join(", ")}. Change it, commit and push again.`,
  );
}

// $1 is the version.
const unpack = `set -euo pipefail
case "$(uname -m)" in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) echo "There is no Deno package for $(uname -m)" >&2; exit 1 ;;
esac
install -d -o 1000 -g 1000 ${home}/cache
mkdir -p ${home}/bin
name="linux-$arch-glibc"
curl -fsSL --retry 3 --max-time 300 "$NPM_REGISTRY@deno/$name/-/$name-$1.tgz" | tar -xz -O package/deno >${home}/bin/deno
chmod 755 ${home}/bin/deno
${home}/bin/deno --version`;

function runtimeLayer(version: string, available: Available): PlanLayer {
  return {
    name: "runtime",
    title: `Installing deno ${version}`,
    files: [],
    commands: [
      {
        argv: ["bash", "-c", unpack, "install-deno", version],
        user: "root",
        env: { NPM_REGISTRY: available.npmRegistry },
        withConfig: false,
        hint: `Deno ${version} could not be fetched from the npm registry: check the version and push again.`,
      },
    ],
    launch: true,
    keep: [home],
  };
}

function dependencyLayer(source: SourceView, project: DenoProject, available: Available): PlanLayer {
  const argv = ["deno", "install", ...(project.isLocked ? ["--frozen"] : [])];
  return {
    name: "dependencies",
    title: `Installing dependencies (${argv.join(" ")})`,
    files: [...looksFor, "package.json", "import_map.json"].filter((file) => source.has(file)),
    commands: [
      {
        argv,
        user: "app",
        env: { ...env, NPM_CONFIG_REGISTRY: available.npmRegistry },
        withConfig: false,
        hint: "If deno.lock is out of step with deno.json, run: deno install. Commit deno.lock and push again.",
      },
    ],
    launch: true,
    keep: [`${home}/cache`, "/app/node_modules"],
  };
}

/** Fetches what the sources import by address, and runs `build` of the tasks. */
function buildStep(project: DenoProject, available: Available): PlanStep | undefined {
  const run = { user: "app", env: { ...env, NPM_CONFIG_REGISTRY: available.npmRegistry }, withConfig: true } as const;
  const fetch = ["deno", "cache", ...(project.isLocked ? ["--frozen"] : []), project.entry ?? ""];
  const commands = [
    ...(project.importsByAddress
      ? [{ ...run, argv: fetch, hint: "Check the addresses of the imports, and that this machine reaches them." }]
      : []),
    ...(project.hasBuild
      ? [{ ...run, argv: ["deno", "task", "build"], hint: "Run deno task build in a fresh clone to see the same." }]
      : []),
  ];
  if (commands.length === 0) return undefined;
  return {
    title: project.hasBuild ? "Building (deno task build)" : "Fetching imports (deno cache)",
    files: [],
    commands,
  };
}
