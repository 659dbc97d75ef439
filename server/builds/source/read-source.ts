import { lstat, readFile } from "node:fs/promises";
import path from "node:path";
import type { Output } from "../../core/output.ts";
import type { SourceFacts } from "../../releases/ports.ts";
import { parseAppJson, type AppJson } from "../app-json/app-json.ts";
import { directorySource } from "../source-view.ts";
import type { SourceView } from "../plan.ts";
import { isEnvFile, namesIn, setCommand } from "./env-files.ts";
import { parseProjectToml, type ProjectToml } from "./project-toml.ts";
import { assertFolder, parseRoot } from "./root.ts";
import { parseSlugIgnore, type SlugIgnore } from "./slug-ignore.ts";
import { removeUnwanted } from "./tidy.ts";

export interface SourceSettings {
  /** As set for the app; undefined leaves it to the repository. */
  readonly root: string | undefined;
  /** Env files that are to be shipped, by path or name. */
  readonly shippedEnvFiles: readonly string[];
}

/** Files that say how an app is built and run are kept, whatever an ignore file says. */
const needed = new Set(["Procfile", "Dockerfile", "app.json", "project.toml", ".dockerignore"]);

const maxReadBytes = 1024 * 1024;

/**
 * Brings a checkout in order and reads what it says of itself: finds the app's folder, removes what is not to be shipped
 * (`.git`, `.slugignore`, `project.toml`'s exclude, env files) and reads app.json.
 * @throws AppError APP_JSON_INVALID, PROJECT_TOML_INVALID, SOURCE_ROOT_…
 */
export async function readSource(
  app: string,
  dir: string,
  settings: SourceSettings,
  out: Output,
): Promise<SourceFacts> {
  const top = readFiles(directorySource(dir), out);
  const [root, from] = rootOf(settings, top);
  assertFolder(dir, root, from);
  const folder = path.join(dir, root);
  const below = root === "" ? top : readFiles(directorySource(folder), out);
  if (root !== "") out.detail(`The app is in ${root}/ (${from})`);
  await tidy(app, dir, root, settings, [below, ...(root === "" ? [] : [top])], out);
  const appJson = below.appJson ?? (from === fromAppJson ? top.appJson : undefined);
  for (const note of appJson?.notes ?? []) out.detail(note);
  return {
    root,
    buildpacks: appJson?.buildpacks ?? [],
    buildEnv: below.project?.buildEnv ?? {},
    manifest: appJson?.manifest,
  };
}

interface Files {
  readonly appJson: AppJson | undefined;
  readonly project: ProjectToml | undefined;
  readonly ignore: SlugIgnore | undefined;
}

function readFiles(source: SourceView, out: Output): Files {
  const read = <T>(file: string, parse: (text: string) => T): T | undefined => {
    const text = source.read(file);
    return text === undefined ? undefined : parse(text);
  };
  const project = read("project.toml", parseProjectToml);
  const ignore = read(".slugignore", (text) => parseSlugIgnore(text));
  for (const note of [...(project?.notes ?? []), ...(ignore?.notes ?? [])]) out.detail(note);
  return { appJson: read("app.json", (text) => parseAppJson(text)), project, ignore };
}

const fromAppJson = "root in app.json";

function rootOf(settings: SourceSettings, top: Files): readonly [root: string, from: string] {
  if (settings.root !== undefined) return [parseRoot(settings.root), "set with builds:set --path"];
  if (top.project?.root !== undefined) return [parseRoot(top.project.root), "root in project.toml"];
  if (top.appJson?.root !== undefined) return [parseRoot(top.appJson.root), fromAppJson];
  return ["", ""];
}

async function tidy(
  app: string,
  dir: string,
  root: string,
  settings: SourceSettings,
  files: readonly Files[],
  out: Output,
): Promise<void> {
  const isIgnored = ignoring(root, files);
  const envFiles = new Map<string, readonly string[]>();
  const removed = await removeUnwanted(dir, async ({ path: at, name, isFolder }) => {
    if (!isFolder && isEnvFile(name) && !isShipped(settings, root, at)) {
      envFiles.set(at, await namesOf(path.join(dir, at)));
      return true;
    }
    return isIgnored(at, isFolder);
  });
  const ignored = removed.length - envFiles.size;
  if (ignored > 0) out.detail(`Left out by ignore files: ${ignored} files and folders`);
  if (envFiles.size === 0) return;
  out.problem(`Left out: ${[...envFiles.keys()].join(", ")}. Settings and secrets do not belong into a droplet.`);
  out.problem(`Set what the app needs: ${setCommand([...new Set([...envFiles.values()].flat())], app)}`);
}

/** Never `.env` itself. */
function isShipped({ shippedEnvFiles }: SourceSettings, root: string, at: string): boolean {
  const name = path.posix.basename(at);
  const names = [at, path.posix.relative(root, at), name];
  return name !== ".env" && shippedEnvFiles.some((file) => names.includes(file));
}

/** Of a link that leads nowhere none. */
async function namesOf(file: string): Promise<readonly string[]> {
  const stats = await lstat(file);
  return stats.isFile() && stats.size < maxReadBytes ? namesIn(await readFile(file, "utf8")) : [];
}

/** Patterns hold from the folder of their file; the app's folder has its own, the top of the repository too. */
function ignoring(root: string, [own, top]: readonly Files[]): (at: string, isFolder: boolean) => boolean {
  const rules = [
    { folder: root, ...patternsOf(own) },
    { folder: "", ...patternsOf(top) },
  ];
  return (at, isFolder) =>
    rules.some(({ folder, slug, exclude, include }) => {
      const relative = folder === "" ? at : path.posix.relative(folder, at);
      if (relative === "" || relative.startsWith("..") || needed.has(relative)) return false;
      if (slug?.isIgnored(relative, isFolder) || exclude?.isIgnored(relative, isFolder)) return true;
      return include !== undefined && !isFolder && !isIncluded(include, relative);
    });
}

function patternsOf(files: Files | undefined) {
  const project = files?.project;
  const patterns = (lines: readonly string[] | undefined) =>
    lines === undefined ? undefined : parseSlugIgnore(lines.join("\n"), "project.toml");
  return { slug: files?.ignore, exclude: patterns(project?.exclude), include: patterns(project?.include) };
}

/** The file, or one of the folders that it is in. */
function isIncluded(include: SlugIgnore, at: string): boolean {
  const parts = at.split("/");
  return parts.some((_, depth) => include.isIgnored(parts.slice(0, depth + 1).join("/"), depth < parts.length - 1));
}
