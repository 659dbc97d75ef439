import path from "node:path";
import type { PlanCommand, PlanLayer, SourceView } from "../../server/builds/plan.ts";
import { type JsonObject, readIfSmall } from "../reading.ts";
import { ownPackages } from "./own-packages.ts";
import { stubNames, stubProgram, stubsOf } from "./stubs.ts";

/** Registry and compiled dependencies of the layer. Cargo's home has to be the same wherever they are used. */
export const layerHome = "/opt/rust";

const configFiles = [".cargo/config.toml", ".cargo/config"];

// What earlier builds of the app have downloaded and compiled. $1 is where.
const seed = `set -eu
mkdir -p ${layerHome}/cargo/registry
if [ -d /cache/cargo/registry/cache ]; then cp -a /cache/cargo/registry/cache ${layerHome}/cargo/registry/; fi
if [ -d "$1" ]; then cp -a "$1" ${layerHome}/target && rm -f ${layerHome}/target/paas-layer; fi`;

const fetch = `set -eu
cargo fetch --target "$(rustc -vV | sed -n 's/^host: //p')"
mkdir -p /cache/cargo/registry
cp -au ${layerHome}/cargo/registry/cache /cache/cargo/registry/`;

// A stub may lack what the real package brings (a build script's output): then the rest is compiled with the app.
// A program that nobody starts need not be linked, which takes long where all of it is optimised at once.
const compile = `set -eu
cat >/tmp/rustc-but-programs <<'END'
#!/bin/sh
for word; do if [ "$word" = ${stubProgram.replaceAll("-", "_")} ]; then exit 0; fi; done
exec "$@"
END
chmod 755 /tmp/rustc-but-programs
RUSTC_WORKSPACE_WRAPPER=/tmp/rustc-but-programs cargo build --release --keep-going --message-format=json-render-diagnostics >/tmp/made.json ||
  echo "Not all could be compiled ahead of the app: the rest is compiled with it"`;

// Keeps what was made of packages of the registry: the rest is of the app, or of versions that it had before.
const prune = `import json, os, re, shutil, sys, uuid
release = "${layerHome}/target/release"
kept = set()
for line in open("/tmp/made.json"):
    if not line.startswith("{"):
        continue
    made = json.loads(line)
    if made.get("package_id", "").startswith("registry+"):
        for file in made.get("filenames", []) + [made.get("out_dir", "")]:
            kept.update(re.findall(r"-([0-9a-f]{16})(?=[./]|$)", file))
for folder in os.listdir(release) if os.path.isdir(release) else []:
    at = os.path.join(release, folder)
    if folder not in ("deps", "build", ".fingerprint"):
        shutil.rmtree(at) if os.path.isdir(at) else os.remove(at)
        continue
    for name in os.listdir(at):
        hash = re.search(r"-([0-9a-f]{16})(?=\\.|$)", name)
        if hash is None or hash[1] not in kept:
            entry = os.path.join(at, name)
            shutil.rmtree(entry) if os.path.isdir(entry) else os.remove(entry)
os.makedirs(release, exist_ok=True)
for file in sys.argv[1:]:
    os.remove(file)
with open("${layerHome}/id", "w") as file:
    file.write(uuid.uuid4().hex)`;

// $1 is where: what is compiled starts from the layer, once for each.
export const takeLayer = `set -eu
if ! cmp -s ${layerHome}/id "$1/paas-layer"; then
  rm -rf "$1"
  cp -a ${layerHome}/target "$1"
  cp ${layerHome}/id "$1/paas-layer"
fi`;

/**
 * A layer with the dependencies compiled, keyed by manifests and lockfile alone. Undefined where there is nothing to
 * compile, or where it cannot be done without the app's code or its config vars: packages of git repositories and of
 * other registries, sources that are in the repository.
 */
export function dependencyLayer(
  source: SourceView,
  manifest: JsonObject,
  target: string,
  env: Readonly<Record<string, string>>,
): PlanLayer | undefined {
  const lockfile = readIfSmall(source, "Cargo.lock");
  const packages = ownPackages(source, manifest);
  if (lockfile === undefined || packages === undefined || !isPublic(source, lockfile)) return undefined;
  const stubs = stubsOf(source, packages, lockfile);
  const made = Object.keys(stubs).filter((file) => stubNames.includes(path.posix.basename(file)));
  const command = (argv: readonly string[], name: string, hint: string): PlanCommand => ({
    ...{ argv, name, hint, user: "app", withConfig: false },
    env: { ...env, CARGO_HOME: `${layerHome}/cargo`, CARGO_TARGET_DIR: `${layerHome}/target` },
  });
  return {
    name: "dependencies",
    title: "Compiling dependencies (cargo build --release)",
    files: configFiles.filter((file) => source.has(file)),
    inputs: stubs,
    commands: [
      {
        argv: ["install", "-d", "-o", "1000", "-g", "1000", layerHome],
        ...{ user: "root", withConfig: false, hint: `${layerHome} could not be made.` },
      },
      command(["sh", "-c", seed, "seed", target], "take the cache", "The app's build cache cannot be read."),
      command(
        ["sh", "-c", fetch],
        "cargo fetch",
        "Check that every package of Cargo.lock is published; run cargo update, commit Cargo.lock and push again.",
      ),
      command(["sh", "-c", compile], "cargo build", "The dependencies could not be compiled."),
      command(["python3", "-c", prune, ...made], "keep the dependencies", "Cargo's output could not be read."),
    ],
    launch: false,
    keep: [layerHome],
  };
}

/** All that is locked comes from the public registry, as this machine reaches it. */
function isPublic(source: SourceView, lockfile: string): boolean {
  const sources = [...lockfile.matchAll(/^source = "(.*)"$/gm)].map(([, from = ""]) => from);
  const config = configFiles.map((file) => readIfSmall(source, file) ?? "").join("\n");
  return sources.length > 0 && sources.every((from) => from.startsWith("registry+")) && !/registr|source/.test(config);
}
