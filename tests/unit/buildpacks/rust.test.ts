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
