import type { DockerfileSettings } from "../../server/builds/dockerfile-settings.ts";
import type { Shown } from "../client.ts";
import { usageError } from "../failure.ts";
import { table } from "../output/table.ts";
import type { Input, Verb } from "../verb.ts";

const show: Verb = {
  name: "builds:dockerfile",
  summary: "show which Dockerfile is built, and with what",
  hasApp: true,
  hasJson: true,
  examples: ["paas builds:dockerfile -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const found = await context.client.call("get", "/v1/apps/:app/builds/dockerfile", { param: { app } });
    context.show(input, found, () => lines(found));
  },
};

const set: Verb = {
  name: "builds:dockerfile:set",
  summary: "choose a Dockerfile, its stage and which config vars its build sees, from the next push on",
  hasApp: true,
  hasJson: true,
  options: [
    ["--path <path>", "of the Dockerfile: docker/web.Dockerfile"],
    ["--target <stage>", "the stage to build, instead of the last"],
    ["--build-arg <names>", "config vars given as build arguments: A,B (they may end up in the image)"],
    ["--secret <names>", "config vars that steps may mount: RUN --mount=type=secret,id=NAME"],
    ["--reset", "Dockerfile, its last stage, and no config vars"],
  ],
  examples: [
    "paas builds:dockerfile:set --path docker/web.Dockerfile --target production -a shop",
    "paas builds:dockerfile:set --build-arg GIT_SHA --secret NPM_TOKEN -a shop",
  ],
  async run(context, input) {
    const json = { dockerfile: toChange(input) };
    const param = { app: await context.app(input) };
    const found = await context.client.call("put", "/v1/apps/:app/builds/dockerfile", { param, json });
    context.show(input, found, () => lines(found));
  },
};

export const dockerfileVerbs: readonly Verb[] = [show, set];

function lines({ path, target, args, secrets }: Shown<DockerfileSettings>): readonly string[] {
  const names = (all: readonly string[] | undefined) =>
    all === undefined || all.length === 0 ? "none" : all.join(", ");
  return table(
    ["OF THE DOCKERFILE", ""],
    [
      ["path", path ?? "Dockerfile"],
      ["stage", target ?? "the last"],
      ["build arguments", names(args)],
      ["secrets", names(secrets)],
    ],
  );
}

/** @throws CliError (usage) */
function toChange(input: Input): DockerfileSettings | null {
  const given = {
    path: input.option("path"),
    target: input.option("target"),
    args: namesOf(input.option("buildArg")),
    secrets: namesOf(input.option("secret")),
  };
  const change = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  if (Object.keys(change).length > 0 === input.flag("reset")) {
    throw usageError("Nothing is given.", "Write --path, --target, --build-arg or --secret, or --reset alone.");
  }
  return input.flag("reset") ? null : change;
}

/** An empty text takes all names away. */
function namesOf(raw: string | undefined): string[] | undefined {
  return raw
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
