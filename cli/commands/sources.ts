import path from "node:path";
import type { BuildSettings, OnDisconnect } from "../../server/builds/settings.ts";
import type { Shown } from "../client.ts";
import type { Context } from "../context.ts";
import { usageError } from "../failure.ts";
import { pairs } from "../output/table.ts";
import type { Input, Verb, VerbGroup } from "../verb.ts";

const create: Verb = {
  name: "builds:create",
  summary: "deploy an image, an archive or a repository elsewhere, without a push",
  hasApp: true,
  hasJson: true,
  options: [
    ["--image <ref>", "an image of this machine, or one that can be pulled"],
    ["--archive <file>", "tar, tar.gz or zip: a file, an address, or - for what is piped in"],
    ["--git <url>", "a repository: https://git.example.test/shop.git#BRANCH, TAG or COMMIT"],
    ["-d, --detach", "do not wait; without it the deploy ends with this command (Ctrl-C)"],
  ],
  examples: [
    "paas builds:create --image nginx:1.27 -a shop",
    "paas builds:create --archive shop.tar.gz -a shop",
    "paas builds:create --git https://git.example.test/shop.git#v2 -a shop",
    "tar c . | paas builds:create --archive - -a shop",
  ],
  async run(context, input) {
    const source = sourceOf(input);
    const app = await context.app(input);
    const param = { app };
    const detach = input.flag("detach") ? "true" : "false";
    const progress = context.progress(input);
    const result =
      source.kind === "file"
        ? await context.client.upload(
            "/v1/apps/:app/builds/archive",
            { param, query: { name: source.name, detach } },
            await contentOf(context, source.file),
            progress,
          )
        : await context.client.job(
            "post",
            "/v1/apps/:app/builds",
            { param, query: { detach }, json: source },
            progress,
          );
    if (input.flag("json")) context.show(input, result, () => []);
    else if (detach === "true") context.print(`The deploy goes on. Look at it with: paas builds -a ${app}`);
  },
};

const show: Verb = {
  name: "builds:settings",
  summary:
    "show which folder of the repository is built, what is shipped of it, how many droplets stay, and who may leave",
  hasApp: true,
  hasJson: true,
  examples: ["paas builds:settings -a shop"],
  async run(context, input) {
    const param = { app: await context.app(input) };
    const found = await context.client.call("get", "/v1/apps/:app/builds/settings", { param });
    context.show(input, found, settingLines);
  },
};

const set: Verb = {
  name: "builds:set",
  summary:
    "choose the app's folder, env files to ship, how many droplets stay, or that pushes go on without their client",
  hasApp: true,
  hasJson: true,
  options: [
    ["--path <folder>", "of the app within the repository, for the next build: apps/web; . is all of it"],
    ["--no-path", "leave it to app.json and project.toml"],
    ["--ship-env <files>", "env files that are no secret, separated by commas: .env.production"],
    ["--no-ship-env", "ship none"],
    ["--keep-droplets <count>", "how many stay for rollback, beside the current one"],
    ["--no-keep-droplets", "as many as of other apps"],
    ["--on-disconnect <what>", "when the client of a push goes away (Ctrl-C): cancel its deploy, or continue"],
  ],
  examples: ["paas builds:set --path apps/web -a shop", "paas builds:set --ship-env .env.production -a shop"],
  async run(context, input) {
    const json = {
      ...(input.isOff("path") ? { root: null } : given("root", input.option("path"))),
      ...(input.isOff("shipEnv")
        ? { shippedEnvFiles: null }
        : given("shippedEnvFiles", namesOf(input.option("shipEnv")))),
      ...(input.isOff("keepDroplets")
        ? { keepDroplets: null }
        : given("keepDroplets", countOf(input.option("keepDroplets")))),
      ...given("onDisconnect", disconnectOf(input.option("onDisconnect"))),
    };
    if (Object.keys(json).length === 0) throw usageError("Nothing is given to set.", "Write it like: --path apps/web");
    const param = { app: await context.app(input) };
    const found = await context.client.call("patch", "/v1/apps/:app/builds/settings", { param, json });
    context.show(input, found, settingLines);
  },
};

/** Dokku's words for it. */
const setBuilder: Verb = {
  name: "builder:set",
  summary: "builder:set build-dir FOLDER is builds:set --path FOLDER",
  args: ["<property>", "[value]"],
  hasApp: true,
  isHidden: true,
  examples: ["paas builder:set build-dir apps/web -a shop"],
  async run(context, input) {
    if (input.arg(0) !== "build-dir")
      throw usageError(`There is no setting "${input.arg(0)}".`, "The one that exists is build-dir.");
    const param = { app: await context.app(input) };
    const json = { root: input.optionalArg(1) ?? null };
    const found = await context.client.call("patch", "/v1/apps/:app/builds/settings", { param, json });
    context.print(...settingLines(found));
  },
};

export const sourceVerbs: VerbGroup = { title: "Builds", verbs: [create, show, set, setBuilder] };

type Source =
  | { readonly kind: "file"; readonly file: string; readonly name: string }
  | { readonly kind: "image"; readonly ref: string }
  | { readonly kind: "archive"; readonly url: string }
  | { readonly kind: "git"; readonly url: string; readonly ref?: string };

/** @throws CliError (usage) unless exactly one is named */
function sourceOf(input: Input): Source {
  const [image, archive, git] = [input.option("image"), input.option("archive"), input.option("git")];
  const named = [image, archive, git].filter((one) => one !== undefined);
  if (named.length !== 1)
    throw usageError("One source is needed.", "Write one of --image REF, --archive FILE or URL, --git URL#REF.");
  if (image !== undefined) return { kind: "image", ref: image };
  if (git !== undefined) {
    const at = git.lastIndexOf("#");
    return at === -1 ? { kind: "git", url: git } : { kind: "git", url: git.slice(0, at), ref: git.slice(at + 1) };
  }
  if (archive !== undefined && /^https?:\/\//.test(archive)) return { kind: "archive", url: archive };
  const file = archive ?? "-";
  return { kind: "file", file, name: file === "-" ? "archive" : path.basename(file) };
}

async function contentOf(context: Context, file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file !== "-") return await context.local.openFile(file);
  if (context.io.stdin.isTTY)
    throw usageError("Nothing is piped in.", "Write it like: tar c . | paas builds:create --archive - -a shop");
  return context.io.stdin as AsyncIterable<Buffer>;
}

function given<K extends string, T>(key: K, value: T | undefined): Partial<Record<K, T>> {
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<K, T>>;
}

/** @throws CliError (usage) */
function countOf(raw: string | undefined): number | undefined {
  if (raw === undefined || /^[0-9]{1,4}$/.test(raw)) return raw === undefined ? undefined : Number(raw);
  throw usageError(`"${raw}" is not a number of droplets.`, "Write it like: --keep-droplets 10");
}

/** @throws CliError (usage) */
function disconnectOf(raw: string | undefined): OnDisconnect | undefined {
  if (raw === undefined || raw === "cancel" || raw === "continue") return raw;
  throw usageError(`"${raw}" is neither cancel nor continue.`, "Write it like: --on-disconnect continue");
}

function namesOf(list: string | undefined): string[] | undefined {
  return list
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function settingLines({ root, shippedEnvFiles, keepDroplets, onDisconnect }: Shown<BuildSettings>): readonly string[] {
  return pairs([
    ["Path", root === undefined ? "all of the repository, unless app.json or project.toml say otherwise" : root || "."],
    ["Env files shipped", shippedEnvFiles.join(", ") || "none but examples"],
    ["Droplets for rollback", keepDroplets === undefined ? "as of other apps" : String(keepDroplets)],
    ["A push whose client leaves", onDisconnect === "continue" ? "continues" : "is cancelled"],
  ]);
}
