import type { BuildContext } from "../build-context.ts";
import { BuildFailed } from "../failure.ts";
import type { Workspace } from "../workspace.ts";
import type { FetchedBuildpack } from "./fetch.ts";
import { Captured } from "./script-output.ts";

const buildpacksDir = "/tmp/buildpacks";
const listingLimitBytes = 1024 * 1024;

export const scriptNames = ["detect", "compile", "release", "supply", "finalize"] as const;
export type ScriptName = (typeof scriptNames)[number];

/** A buildpack in the container. */
export interface StagedBuildpack {
  readonly label: string;
  /** Its own folder, absolute; the app's user may write in it. */
  readonly dir: string;
  /** Files in its `bin`; the value says whether it can be executed. */
  readonly scripts: ReadonlyMap<ScriptName, boolean>;
}

/** Puts buildpacks into a started container and looks which scripts they have. @throws BuildFailed */
export async function stageBuildpacks(
  context: BuildContext,
  workspace: Workspace,
  fetched: readonly FetchedBuildpack[],
): Promise<readonly StagedBuildpack[]> {
  const { engine, signal } = context;
  const folders = fetched.map((_one, index) => `${buildpacksDir}/${index}`);
  await engine.makeFolders(workspace.id, [buildpacksDir, ...folders], "app", signal);
  for (const [index, buildpack] of fetched.entries())
    await unpack(context, workspace, buildpack, `${buildpacksDir}/${index}`);
  const listing = await list(context, workspace);
  return fetched.map((buildpack, index) => stagedFrom(listing, buildpack.label, index));
}

/** An archive is unpacked in here, by the user whom its scripts run as: whatever it holds, it harms nobody else. */
async function unpack(context: BuildContext, workspace: Workspace, buildpack: FetchedBuildpack, dir: string) {
  const { engine, signal } = context;
  if (buildpack.packed === undefined) return workspace.put(await buildpack.tar(dir.slice(1)));
  const file = `${dir}.packed`;
  await workspace.put(await buildpack.tar(file.slice(1)));
  const argv =
    buildpack.packed === "zip" ? ["unzip", "-q", file, "-d", dir] : ["tar", "-xf", file, "-C", dir, "--no-same-owner"];
  const said = new Captured(4096);
  const code = await engine.exec(workspace.id, { argv, user: "app", env: {} }, (chunk) => said.push(chunk), signal);
  if (code === 0) return;
  for (const line of said.text.trim().split("\n").slice(-5)) context.out.detail(line);
  throw new BuildFailed(
    `The archive of ${buildpack.label} cannot be unpacked.`,
    "It must be a tar, a tar.gz, a tar.xz or a zip, as its name says.",
  );
}

/** Modes and paths of all that is in a folder `bin`, at the top of a buildpack or one folder below. */
async function list(context: BuildContext, workspace: Workspace): Promise<readonly string[]> {
  const { engine, signal } = context;
  const argv = ["find", "-L", buildpacksDir, "-mindepth", "2", "-maxdepth", "4", "-path", "*/bin/*"];
  const said = new Captured(listingLimitBytes);
  const show = ["-type", "f", "-printf", "%m %P\\n"];
  await engine.exec(
    workspace.id,
    { argv: [...argv, ...show], user: "app", env: {} },
    (chunk, from) => (from === "stdout" ? said.push(chunk) : undefined),
    signal,
  );
  return said.text.split("\n");
}

/** Many an archive has everything in one folder: then that is the buildpack. */
function stagedFrom(listing: readonly string[], label: string, index: number): StagedBuildpack {
  const own = listing.filter((line) => line.split(" ")[1]?.startsWith(`${index}/`) === true);
  const parsed = own.flatMap((line) => {
    const [, mode = "", folder = "", name = ""] = /^(\d+) \d+\/(?:([^/]+)\/)?bin\/([a-z]+)$/.exec(line) ?? [];
    return isScript(name) ? [{ folder, name, canRun: (Number.parseInt(mode, 8) & 0o111) !== 0 }] : [];
  });
  const folders = new Set(parsed.map((one) => one.folder));
  const folder = folders.has("") ? "" : folders.size === 1 ? ([...folders][0] ?? "") : undefined;
  if (folder === undefined) {
    throw new BuildFailed(
      `${label} is no buildpack: it has no folder "bin" with a script of a buildpack in it.`,
      "A buildpack has bin/detect and bin/compile (Heroku), or bin/supply and bin/finalize (Cloud Foundry).",
    );
  }
  const scripts = new Map(parsed.filter((one) => one.folder === folder).map(({ name, canRun }) => [name, canRun]));
  return { label, dir: `${buildpacksDir}/${index}${folder === "" ? "" : `/${folder}`}`, scripts };
}

function isScript(name: string): name is ScriptName {
  return (scriptNames as readonly string[]).includes(name);
}
