import type { Available, Buildpack, PlanCommand, PlanResult, PlanStep, SourceView } from "../../server/builds/plan.ts";
import { parseProcessType, web } from "../../server/core/ids.ts";
import type { ProcessCommand } from "../../server/core/types.ts";
import { isRefusal, refuse } from "../reading.ts";
import { dependencyLayer, layerHome, takeLayer } from "./dependencies.ts";
import { locks, packageFolders, type Program, programsOf, readManifest } from "./manifest.ts";
import { chooseToolchain } from "./versions.ts";

export const rust: Buildpack = {
  name: "rust",
  looksFor: ["Cargo.toml"],
  detect: (source) => source.has("Cargo.toml"),
  plan: planRust,
};

function planRust(source: SourceView, available: Available): PlanResult {
  const manifest = readManifest(source, "Cargo.toml");
  if (isRefusal(manifest)) return manifest;
  const toolchain = chooseToolchain(source, manifest, available.rust);
  if (isRefusal(toolchain)) return toolchain;
  const programs = packageFolders(source, manifest).flatMap((folder) => programsOf(source, folder));
  if (programs.length === 0) {
    return refuse(
      "Cargo.toml makes no program: there is no src/main.rs, no src/bin/*.rs and no [[bin]].",
      "Add one; in a workspace list the members with programs in members or default-members.",
    );
  }
  // Another compiler cannot read what this one has made.
  const target = `/cache/rust-target-${toolchain.version}`;
  const layer = dependencyLayer(source, manifest, target, common);
  return {
    ok: true,
    plan: {
      buildpack: "rust",
      runtime: `rust ${toolchain.version}`,
      // Most programs that speak TLS by OpenSSL link to it; what it needs at run time is on the stack.
      system: { build: [...toolchain.packages, "libssl-dev"], run: [] },
      layers: layer === undefined ? [] : [layer],
      build: buildStep(target, programs, { isLocked: source.has("Cargo.lock"), hasLayer: layer !== undefined }),
      env: {},
      path: ["/app/target/release"],
      processes: defaultProcesses(source, programs),
      notes: notesFor(source, programs),
    },
  };
}

// Cargo compares times: those of a checkout say nothing about what changed since the last build.
const touch = "find . -path ./target -prune -o -type f -exec touch -c {} +";
// $@ are the programs.
const take = `set -eu
mkdir -p target/release
for program; do cp "$CARGO_TARGET_DIR/release/$program" target/release/; done`;

const common = { CARGO_TERM_COLOR: "never", CARGO_NET_RETRY: "3" } as const;

interface BuildFacts {
  readonly isLocked: boolean;
  /** Dependencies are in a layer; else the registry too is in the app's cache. */
  readonly hasLayer: boolean;
}

/** What is compiled is in the app's cache: only what changed is compiled again. */
function buildStep(target: string, programs: readonly Program[], { isLocked, hasLayer }: BuildFacts): PlanStep {
  const names = programs.map((p) => p.name);
  const env = {
    CARGO_HOME: hasLayer ? `${layerHome}/cargo` : "/cache/cargo",
    CARGO_TARGET_DIR: target,
    ...common,
  };
  const command = (argv: readonly string[], name: string | undefined, hint: string): PlanCommand => ({
    argv,
    ...(name === undefined ? {} : { name }),
    user: "app",
    env,
    withConfig: true,
    hint,
  });
  return {
    title: `Building ${names.map((name) => `target/release/${name}`).join(", ")} (cargo build --release)`,
    files: [],
    commands: [
      command(["sh", "-c", touch], "touch", "A file of the repository cannot be touched."),
      ...(hasLayer
        ? [command(["sh", "-c", takeLayer, "take", target], "take the layer", "The build cache cannot be written.")]
        : []),
      command(
        ["cargo", "build", "--release", ...(isLocked ? ["--locked"] : [])],
        undefined,
        "Run cargo build --release --locked in a fresh clone to see the same. If Cargo.lock is out of step, commit the one that cargo build writes.",
      ),
      command(
        ["sh", "-c", take, "take-programs", ...names],
        "take the programs",
        "A program was not made: look at [[bin]] in Cargo.toml, and for build.target in .cargo/config.toml, which must not be set.",
      ),
    ],
  };
}

/** One program is web; of several the package's own is, the others are called like themselves. */
function defaultProcesses(source: SourceView, programs: readonly Program[]): readonly ProcessCommand[] {
  const main =
    programs.length === 1
      ? programs[0]
      : programs.find((p) => p.isDefault && !programs.some((o) => o !== p && o.isDefault));
  return programs.flatMap((program) => {
    const command = `target/release/${program.name}`;
    if (program === main) return [{ type: web, command: `${settings(source)}${command}` }];
    return /^[A-Za-z0-9_-]{1,63}$/.test(program.name) ? [{ type: parseProcessType(program.name), command }] : [];
  });
}

/** Rocket has names of its own for what PORT says, and listens on loopback alone unless told. */
function settings(source: SourceView): string {
  return locks(source, "rocket") ? "ROCKET_ADDRESS=0.0.0.0 ROCKET_PORT=$PORT exec " : "";
}

function notesFor(source: SourceView, programs: readonly Program[]): readonly string[] {
  const unlocked = source.has("Cargo.lock")
    ? []
    : [
        "There is no Cargo.lock: every build takes the newest versions that fit. Commit the one that cargo build writes.",
      ];
  const processes = defaultProcesses(source, programs);
  if (source.has("Procfile") || processes.some((p) => p.type === web)) return unlocked;
  return [
    ...unlocked,
    `Several programs and none called web: to serve requests, commit a Procfile like: web: target/release/${programs[0]?.name ?? "app"}`,
  ];
}
