import { parse } from "smol-toml";
import semver from "semver";
import type { RustToolchain, SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, type JsonObject, type Refusal, refuse } from "../reading.ts";

const files = ["rust-toolchain.toml", "rust-toolchain"];

/** The toolchain to use: of rust-toolchain(.toml), else the newest, which must do for `rust-version` of Cargo.toml. */
export function chooseToolchain(
  source: SourceView,
  manifest: JsonObject,
  available: readonly RustToolchain[],
): RustToolchain | Refusal {
  const newest = available.toSorted((a, b) => semver.rcompare(full(a.version), full(b.version)))[0];
  if (newest === undefined) return refuse("No Rust can be had.", "Bring your own with a Dockerfile.");
  const wish = readWish(source);
  if (wish !== undefined && !["stable", ""].includes(wish.channel)) {
    const found = available.find((t) => isOfLine(wish.channel, t.version));
    if (found !== undefined) return found;
    return refuse(`${wish.place} asks for Rust ${wish.channel}, which cannot be had.`, choices(available));
  }
  const least = leastVersion(manifest);
  if (least === undefined || semver.gte(full(`${newest.version}.99`), full(least))) return newest;
  return refuse(`rust-version in Cargo.toml asks for Rust ${least} or newer, which cannot be had.`, choices(available));
}

interface Wish {
  readonly place: string;
  readonly channel: string;
}

/** Grammar: https://rust-lang.github.io/rustup/overrides.html#the-toolchain-file */
function readWish(source: SourceView): Wish | undefined {
  const place = files.find((file) => source.has(file));
  if (place === undefined) return undefined;
  const text = (source.read(place) ?? "").replace(/^\uFEFF/, "").trim();
  if (!text.includes("[")) return { place, channel: text };
  return { place, channel: asText(asRecord(parsed(text)["toolchain"])["channel"]) ?? "" };
}

function parsed(text: string): JsonObject {
  try {
    return parse(text);
  } catch {
    return {};
  }
}

/** A patch version is taken as its minor: the stack's updates decide it. `1.85` and `1.85.1-x86_64-…` are of 1.85. */
function isOfLine(channel: string, line: string): boolean {
  const version = channel.replace(/-(x86_64|aarch64)-.*$/, "");
  return version === line || version.startsWith(`${line}.`);
}

function leastVersion(manifest: JsonObject): string | undefined {
  const own = asText(asRecord(manifest["package"])["rust-version"]);
  return own ?? asText(asRecord(asRecord(manifest["workspace"])["package"])["rust-version"]);
}

function full(version: string): string {
  return semver.coerce(version)?.version ?? "0.0.0";
}

function choices(available: readonly RustToolchain[]): string {
  const lines = available.map((t) => t.version).join(" and ");
  return `${lines} can: change it, commit and push again, or bring your own with a Dockerfile.`;
}
