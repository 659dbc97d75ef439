import path from "node:path";
import { parse } from "smol-toml";
import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, type JsonObject, readIfSmall, type Refusal, refuse } from "../reading.ts";

export interface Program {
  /** Of the binary: `target/release/<name>`. */
  readonly name: string;
  /** Of the package that it belongs to. */
  readonly packageName: string;
  /** The package is called like it, or names it `default-run`. */
  readonly isDefault: boolean;
}

/** Reads one Cargo.toml. */
export function readManifest(source: SourceView, file: string): JsonObject | Refusal {
  try {
    return parse((source.read(file) ?? "").replace(/^\uFEFF/, ""));
  } catch (err) {
    const [first = ""] = (err instanceof Error ? err.message : "").split("\n");
    return refuse(`${file} cannot be read: ${first}`, "Run cargo check, correct it and push again.");
  }
}

/** The folders of the packages that `cargo build` builds from the top: the root itself, or the workspace's members. */
export function packageFolders(source: SourceView, manifest: JsonObject): readonly string[] {
  const defaults = asRecord(manifest["workspace"])["default-members"];
  // A root package is built alone unless default-members says otherwise.
  if (manifest["package"] !== undefined && defaults === undefined) return [""];
  return foldersOf(source, manifest, defaults === undefined ? "members" : "default-members");
}

/** All of a workspace, the root left out. */
export function memberFolders(source: SourceView, manifest: JsonObject): readonly string[] {
  return foldersOf(source, manifest, "members");
}

function foldersOf(source: SourceView, manifest: JsonObject, list: "members" | "default-members"): readonly string[] {
  const workspace = asRecord(manifest["workspace"]);
  const excluded = new Set(strings(workspace["exclude"]).map(clean));
  const listed = strings(workspace[list]).flatMap((pattern) => expand(source, pattern));
  return [...new Set(listed)].filter((folder) => !excluded.has(folder));
}

/** Folders that Cargo.toml of the root or of a member points to beyond the workspace's members. */
export function programsOf(source: SourceView, folder: string): readonly Program[] {
  const manifest = readManifest(source, path.posix.join(folder, "Cargo.toml"));
  const pkg = "ok" in manifest ? {} : asRecord(manifest["package"]);
  const packageName = asText(pkg["name"]);
  if (packageName === undefined) return [];
  const declared = Array.isArray((manifest as JsonObject)["bin"]) ? ((manifest as JsonObject)["bin"] as unknown[]) : [];
  const bins = declared.flatMap((bin) => asText(asRecord(bin)["name"]) ?? []);
  const taken = new Set(declared.flatMap((bin) => asText(asRecord(bin)["path"]) ?? []));
  const found = pkg["autobins"] === false ? [] : autoBins(source, folder, packageName, taken);
  const defaultRun = asText(pkg["default-run"]) ?? packageName;
  return [...new Set([...bins, ...found])].map((name) => ({ name, packageName, isDefault: name === defaultRun }));
}

/** https://doc.rust-lang.org/cargo/guide/project-layout.html */
function autoBins(source: SourceView, folder: string, packageName: string, taken: ReadonlySet<string>) {
  const has = (file: string) => source.has(path.posix.join(folder, file)) && !taken.has(file);
  const main = has("src/main.rs") ? [packageName] : [];
  const more = source.list(path.posix.join(folder, "src/bin")).flatMap((entry) => {
    if (entry.endsWith(".rs")) return has(`src/bin/${entry}`) ? [entry.slice(0, -3)] : [];
    return entry.endsWith("/") && has(`src/bin/${entry}main.rs`) ? [entry.slice(0, -1)] : [];
  });
  return [...main, ...more];
}

/** Whether a package of the lockfile is there: `rocket`. */
export function locks(source: SourceView, name: string): boolean {
  return new RegExp(`^name = "${name}"$`, "m").test(readIfSmall(source, "Cargo.lock") ?? "");
}

/** `crates/*` is every folder there with a Cargo.toml. */
function expand(source: SourceView, pattern: string): readonly string[] {
  const plain = clean(pattern);
  if (!plain.includes("*")) return [plain];
  const parent = path.posix.dirname(plain);
  const name = new RegExp(`^${path.posix.basename(plain).split("*").map(escaped).join(".*")}$`);
  const folders = source.list(parent === "." ? "" : parent).filter((entry) => entry.endsWith("/"));
  return folders
    .map((entry) => entry.slice(0, -1))
    .filter((entry) => name.test(entry))
    .map((entry) => path.posix.join(parent, entry))
    .filter((folder) => source.has(`${folder}/Cargo.toml`));
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((v): v is string => typeof v === "string") : [];
}

function clean(folder: string): string {
  const normal = path.posix.normalize(folder).replace(/\/$/, "");
  return normal === "." ? "" : normal;
}

function escaped(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}
