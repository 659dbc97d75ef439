import { describe, expect, test } from "vitest";
import { buildCommands, type Files, goodPlan, refusalOf } from "./planning.ts";

const manifest = '[package]\nname = "shop"\nversion = "0.1.0"\n';
const app: Files = { "Cargo.toml": manifest, "Cargo.lock": "", "src/main.rs": "fn main() {}" };

describe("a Rust app", () => {
  test("is built with the newest toolchain; its one program is web", () => {
    const plan = goodPlan(app);
    expect([plan.runtime, plan.system?.build]).toEqual(["rust 1.96", ["rustc-web", "cargo-web", "libssl-dev"]]);
    expect(buildCommands(plan)[1]).toBe("cargo build --release --locked");
    expect(plan.processes).toEqual([{ type: "web", command: "target/release/shop" }]);
    expect(plan.notes).toEqual([]);
  });

  test("keeps what is compiled apart for each toolchain", () => {
    const older = goodPlan({ ...app, "rust-toolchain": "1.85" });
    const folders = [goodPlan(app), older].map((p) => p.build?.commands[1]?.env?.["CARGO_TARGET_DIR"]);
    expect(folders).toEqual(["/cache/rust-target-1.96", "/cache/rust-target-1.85"]);
  });

  test("without a lockfile is told", () => {
    const plan = goodPlan({ "Cargo.toml": manifest, "src/main.rs": "" });
    expect(buildCommands(plan)[1]).toBe("cargo build --release");
    expect(plan.notes).toEqual([expect.stringContaining("There is no Cargo.lock")]);
  });

  test.each([
    ["rust-toolchain.toml", '[toolchain]\nchannel = "1.85.0"\n', "rust 1.85"],
    ["rust-toolchain.toml", '[toolchain]\nchannel = "stable"\n', "rust 1.96"],
    ["rust-toolchain.toml", "[toolchain]\ncomponents = []\n", "rust 1.96"],
    ["rust-toolchain", "1.96.0\n", "rust 1.96"],
    ["Cargo.toml", `${manifest}rust-version = "1.90"\n`, "rust 1.96"],
  ])("with %s %j has %s", (file, text, runtime) => {
    expect(goodPlan({ ...app, [file]: text }).runtime).toBe(runtime);
  });

  test("of several programs the package's own is web, the others are called like themselves", () => {
    const files = { ...app, "src/bin/worker.rs": "", "src/bin/import/main.rs": "", "src/bin/lib/other.rs": "" };
    expect(goodPlan(files).processes).toEqual([
      { type: "web", command: "target/release/shop" },
      { type: "import", command: "target/release/import" },
      { type: "worker", command: "target/release/worker" },
    ]);
    const declared = `${manifest}default-run = "api"\nautobins = false\n[[bin]]\nname = "api"\npath = "src/api.rs"\n[[bin]]\nname = "cli"\n`;
    expect(goodPlan({ ...files, "Cargo.toml": declared }).processes).toEqual([
      { type: "web", command: "target/release/api" },
      { type: "cli", command: "target/release/cli" },
    ]);
  });

  test("may be a workspace", () => {
    const files: Files = {
      "Cargo.toml": '[workspace]\nmembers = ["crates/*", "tool"]\nexclude = ["crates/old"]\n',
      "Cargo.lock": "",
      "crates/api/Cargo.toml": '[package]\nname = "api"\n',
      "crates/api/src/main.rs": "",
      "crates/core/Cargo.toml": '[package]\nname = "core"\n',
      "crates/core/src/lib.rs": "",
      "crates/old/Cargo.toml": '[package]\nname = "old"\n',
      "crates/old/src/main.rs": "",
      "tool/Cargo.toml": '[package]\nname = "tool"\n',
      "tool/src/main.rs": "",
    };
    const plan = goodPlan(files);
    expect(plan.processes.map((p) => p.type)).toEqual(["api", "tool"]);
    expect(plan.notes).toEqual([expect.stringContaining("Several programs and none called web")]);
    expect(goodPlan({ ...files, Procfile: "web: target/release/api" }).notes).toEqual([]);
  });

  test("with Rocket listens where the router asks", () => {
    const lock = '[[package]]\nname = "rocket"\n';
    expect(goodPlan({ ...app, "Cargo.lock": lock }).processes[0]?.command).toBe(
      "ROCKET_ADDRESS=0.0.0.0 ROCKET_PORT=$PORT exec target/release/shop",
    );
  });
});

describe("a Rust repository is refused", () => {
  const instead = "1.85 and 1.96 can: change it, commit and push again, or bring your own with a Dockerfile.";
  test.each<readonly [string, Files, string]>([
    [
      "with a toolchain that cannot be had",
      { ...app, "rust-toolchain": "nightly-2026-01-01" },
      `rust-toolchain asks for Rust nightly-2026-01-01, which cannot be had. | ${instead}`,
    ],
    [
      "with one that is between those that can",
      { ...app, "rust-toolchain.toml": '[toolchain]\nchannel = "1.90.0"' },
      `rust-toolchain.toml asks for Rust 1.90.0, which cannot be had. | ${instead}`,
    ],
    [
      "when it needs a newer one",
      { ...app, "Cargo.toml": `${manifest}rust-version = "1.97"\n` },
      `rust-version in Cargo.toml asks for Rust 1.97 or newer, which cannot be had. | ${instead}`,
    ],
    [
      "without a program",
      { "Cargo.toml": manifest, "Cargo.lock": "", "src/lib.rs": "" },
      "Cargo.toml makes no program: there is no src/main.rs, no src/bin/*.rs and no [[bin]]. | Add one; in a workspace list the members with programs in members or default-members.",
    ],
  ])("%s", (_name, files, text) => {
    expect(refusalOf(files)).toBe(text);
  });

  test("with a manifest that is not TOML", () => {
    expect(refusalOf({ "Cargo.toml": "[package" })).toContain("Cargo.toml cannot be read");
  });
});

describe("the layer of dependencies", () => {
  const lock = (name: string, version: string) =>
    `version = 4\n\n[[package]]\nname = "axum"\nversion = "0.8.9"\nsource = "registry+index"\n\n[[package]]\nname = "${name}"\nversion = "${version}"\n`;
  const cargo = (name: string, version: string, more = "") =>
    `[package]\nname = "${name}"\nversion = "${version}"\nedition = "2024"\ndescription = "of ${name}"\n\n[dependencies]\naxum = "0.8"\n${more}`;
  const shop = (name: string, version: string, more = ""): Files => ({
    "Cargo.toml": cargo(name, version, more),
    "Cargo.lock": lock(name, version),
    "src/main.rs": `fn main() { println!("${name}") }`,
  });
  const layerOf = (files: Files) => goodPlan(files).layers.find((layer) => layer.name === "dependencies");

  test("is the same for apps of other names, versions and code", () => {
    const layer = layerOf(shop("shop", "0.1.0"));
    expect(layer?.inputs?.["Cargo.lock"]).toContain('name = "app"\nversion = "0.0.0"');
    expect(Object.keys(layer?.inputs ?? {})).toEqual(["Cargo.toml", "paas-main.rs", "Cargo.lock"]);
    expect(layerOf({ ...shop("store", "2.0.0"), "src/bin/worker.rs": "" })).toEqual(layer);
  });

  test.each([
    ["another dependency", shop("shop", "0.1.0", 'hex = "0.4"\n')],
    ["a library", { ...shop("shop", "0.1.0"), "src/lib.rs": "" }],
    ["a build script", { ...shop("shop", "0.1.0"), "build.rs": "" }],
    ["another profile", shop("shop", "0.1.0", "[profile.release]\nlto = true\n")],
    ["settings of Cargo", { ...shop("shop", "0.1.0"), ".cargo/config.toml": "[build]\n" }],
  ])("is another with %s", (_what, files) => {
    const layer = layerOf(files);
    expect(layer).toBeDefined();
    expect(layer).not.toEqual(layerOf(shop("shop", "0.1.0")));
  });

  test.each([
    ["without a lockfile", { "Cargo.toml": cargo("shop", "0.1.0"), "src/main.rs": "" }],
    ["without dependencies", app],
    ["of a git repository", { ...shop("shop", "0.1.0"), "Cargo.lock": lock("shop", "1").replace("registry+", "git+") }],
    ["of another registry", { ...shop("shop", "0.1.0"), ".cargo/config.toml": "[registries.own]\n" }],
    ["that lie outside of the repository", shop("shop", "0.1.0", 'own = { path = "../own" }\n')],
  ] satisfies readonly (readonly [string, Files])[])("is not made of packages %s", (_what, files) => {
    expect(layerOf(files)).toBeUndefined();
    expect(goodPlan(files).build?.commands[1]?.env?.["CARGO_HOME"]).toBe("/cache/cargo");
  });

  test("has stubs of all packages of a workspace and of those they reach, which keep their names", () => {
    const layer = layerOf({
      "Cargo.toml": '[workspace]\nmembers = ["api"]\n[workspace.package]\nversion = "3.0.0"\nedition = "2021"\n',
      "Cargo.lock": lock("api", "3.0.0"),
      "api/Cargo.toml":
        '[package]\nname = "api"\nversion.workspace = true\n[dependencies]\nown = { path = "../own", version = "3" }\n',
      "api/src/main.rs": "",
      "own/Cargo.toml": '[package]\nname = "own"\nversion = "3.0.0"\n[lib]\nproc-macro = true\n',
      "own/src/lib.rs": "",
    });
    const inputs = layer?.inputs ?? {};
    expect(Object.keys(inputs)).toEqual([
      "Cargo.toml",
      "api/Cargo.toml",
      "api/paas-main.rs",
      "own/Cargo.toml",
      "own/paas-lib.rs",
      "Cargo.lock",
    ]);
    expect(inputs["api/Cargo.toml"]).toContain('name = "api"\nversion = "0.0.0"');
    expect(inputs["api/Cargo.toml"]).toContain('path = "../own"');
    expect(inputs["api/Cargo.toml"]).not.toContain('version = "3"');
    expect(inputs["own/Cargo.toml"]).toContain("proc-macro = true");
    expect(inputs["Cargo.toml"]).not.toContain("3.0.0");
  });
});
