import type { BuildpacksView } from "../../server/api/platform.ts";
import type { Shown } from "../client.ts";
import { usageError } from "../failure.ts";
import { table } from "../output/table.ts";
import type { Input, Verb, VerbGroup } from "../verb.ts";

const path = "/v1/apps/:app/buildpacks";
const index: readonly [string, string] = ["-i, --index <number>", "place in the list, 1 is the first"];
const nextBuild = "It counts from the next push on.";

const list: Verb = {
  name: "buildpacks",
  aliases: ["buildpacks:list"],
  summary: "show the buildpacks of an app, in the order in which they run",
  hasApp: true,
  hasJson: true,
  examples: ["paas buildpacks -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const view = await context.client.call("get", path, { param: { app } });
    context.show(input, view, () => listed(app, view));
  },
};

const add: Verb = {
  name: "buildpacks:add",
  summary: "add a buildpack: a name, a folder of the repository, a git URL or an archive",
  args: ["<buildpack>"],
  hasApp: true,
  hasJson: true,
  options: [index],
  examples: [
    "paas buildpacks:add https://github.com/heroku/heroku-buildpack-nginx.git#main -a shop",
    "paas buildpacks:add ./buildpacks/fonts --index 1",
  ],
  async run(context, input) {
    const app = await context.app(input);
    const json = { buildpack: input.arg(0), index: indexOf(input) };
    const view = await context.client.call("post", path, { param: { app }, json });
    context.show(input, view, () => [...listed(app, view), nextBuild]);
  },
};

const set: Verb = {
  name: "buildpacks:set",
  summary: "put a buildpack in the place of the first, or of the one at --index",
  args: ["<buildpack>"],
  hasApp: true,
  hasJson: true,
  options: [index],
  examples: ["paas buildpacks:set heroku/nodejs -a shop", "paas buildpacks:set ./buildpack --index 2"],
  async run(context, input) {
    const app = await context.app(input);
    const json = { buildpack: input.arg(0), index: indexOf(input) };
    const view = await context.client.call("put", path, { param: { app }, json });
    context.show(input, view, () => [...listed(app, view), nextBuild]);
  },
};

const remove: Verb = {
  name: "buildpacks:remove",
  summary: "take a buildpack out of the list",
  args: ["[buildpack]"],
  hasApp: true,
  hasJson: true,
  options: [index],
  examples: ["paas buildpacks:remove heroku/nodejs -a shop", "paas buildpacks:remove --index 1"],
  async run(context, input) {
    const json = { buildpack: input.optionalArg(0), index: indexOf(input) };
    if ((json.buildpack === undefined) === (json.index === undefined)) {
      throw usageError("Name one buildpack.", "Write its address or its place: paas buildpacks:remove --index 1");
    }
    const app = await context.app(input);
    const view = await context.client.call("post", `${path}/remove`, { param: { app }, json });
    context.show(input, view, () => [...listed(app, view), nextBuild]);
  },
};

const clear: Verb = {
  name: "buildpacks:clear",
  summary: "empty the list: what the repository says counts again",
  hasApp: true,
  hasJson: true,
  examples: ["paas buildpacks:clear -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const view = await context.client.call("delete", path, { param: { app } });
    context.show(input, view, () => listed(app, view));
  },
};

const update: Verb = {
  name: "buildpacks:update",
  summary: "take a newer state of a pinned buildpack, or of all, at the next push",
  args: ["[buildpack]"],
  hasApp: true,
  hasJson: true,
  examples: ["paas buildpacks:update -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const json = { buildpack: input.optionalArg(0) };
    const result = await context.client.call("post", `${path}/update`, { param: { app }, json });
    context.show(input, result, () =>
      result.updated.length === 0
        ? [`${app} has no pinned buildpack`]
        : result.updated.map((one) => `The next push takes ${one} as it is then`),
    );
  },
};

export const buildpackVerbs: VerbGroup = { title: "Buildpacks", verbs: [list, add, set, remove, clear, update] };

function listed(app: string, view: Shown<BuildpacksView>): readonly string[] {
  const { buildpacks, pins } = view;
  const own = buildpacks.map((one) => [String(one.index), one.buildpack, shortPin(one.pin)]);
  const others = Object.entries(pins).filter(([text]) => !buildpacks.some((one) => one.buildpack === text));
  if (own.length > 0) return table(["", "BUILDPACK", "PINNED TO"], own);
  return [
    `${app} has no list of its own. Who names buildpacks, in this order: BUILDPACK_URL, .buildpacks, a Dockerfile, app.json; else the files tell.`,
    ...others.map(([text, pin]) => `Pinned: ${text} at ${shortPin(pin)}`),
  ];
}

function shortPin(pin: string | undefined): string {
  return pin === undefined ? "" : pin.slice(0, 12);
}

/** @throws CliError (usage) */
function indexOf(input: Input): number | undefined {
  const raw = input.option("index");
  if (raw === undefined) return undefined;
  if (/^[1-9][0-9]{0,2}$/.test(raw)) return Number(raw);
  throw usageError(`"${raw}" is not a place in the list.`, "Write it like: --index 1");
}
