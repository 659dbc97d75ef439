import type { BuildLimitsView } from "../../server/api/platform.ts";
import type { BuildLimits } from "../../server/builds/limits.ts";
import type { Build } from "../../server/core/types.ts";
import { formatBytes, parseSize } from "../../server/core/size.ts";
import type { Shown } from "../client.ts";
import { usageError } from "../failure.ts";
import { age, moment } from "../output/moment.ts";
import { table } from "../output/table.ts";
import { dockerfileVerbs } from "./dockerfile.ts";
import type { Input, Verb, VerbGroup } from "../verb.ts";

const list: Verb = {
  name: "builds",
  summary: "list the builds of an app, the newest first",
  hasApp: true,
  hasJson: true,
  examples: ["paas builds -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const all = await context.client.call("get", "/v1/apps/:app/builds", { param: { app } });
    const builds = all.toSorted((a, b) => b.number - a.number);
    context.show(input, builds, () => {
      if (builds.length === 0) return [`${app} has no builds yet. Deploy it with: git push paas main`];
      const rows = builds.map((build) => [
        String(build.number),
        sourceOf(build),
        build.status + (build.reason === undefined ? "" : `: ${build.reason}`),
        build.actor,
        moment(build.createdAt, context.io.now()),
      ]);
      return table(["BUILD", "SOURCE", "STATUS", "BY", "CREATED"], rows);
    });
  },
};

const output: Verb = {
  name: "builds:output",
  summary: "print what a build wrote",
  args: ["<number>"],
  hasApp: true,
  hasJson: true,
  examples: ["paas builds:output 7 -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const number = buildNumber(input.arg(0));
    const found = await context.client.call("get", "/v1/apps/:app/builds/:number/output", { param: { app, number } });
    context.show(input, found, () => [found.output.replace(/\n$/, "")]);
  },
};

const cancel: Verb = {
  name: "builds:cancel",
  summary: "end the deploy that is in progress, or the one of this build, also while it waits",
  args: ["[number]"],
  hasApp: true,
  hasJson: true,
  examples: ["paas builds:cancel -a shop", "paas builds:cancel 7 -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const given = input.optionalArg(0);
    const number = given === undefined ? undefined : buildNumber(given);
    const result =
      number === undefined
        ? await context.client.call("post", "/v1/apps/:app/builds/cancel", { param: { app } })
        : await context.client.call("post", "/v1/apps/:app/builds/:number/cancel", { param: { app, number } });
    const what = number === undefined ? `deploy of ${app}` : `build ${number} of ${app}`;
    const text = result.cancelled ? `Cancelled the ${what}` : `No ${what} is in progress`;
    context.show(input, result, () => [text]);
  },
};

const limits: Verb = {
  name: "builds:limits",
  summary: "show what a build of the app may take of the machine",
  hasApp: true,
  hasJson: true,
  examples: ["paas builds:limits -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const found = await context.client.call("get", "/v1/apps/:app/builds/limits", { param: { app } });
    context.show(input, found, limitLines);
  },
};

const setLimits: Verb = {
  name: "builds:limits:set",
  summary: "change what a build of the app may take, from the next one on",
  hasApp: true,
  hasJson: true,
  options: [
    ["--memory <size>", "512M, 2G"],
    ["--cpus <number>", "0.5, 2"],
    ["--pids <count>", "processes and threads"],
    ["--disk <size>", "what a build may write: 5G"],
    ["--timeout <time>", "90s, 30m, 1h"],
    ["--reset", "all of them to what this machine gives by itself"],
  ],
  examples: ["paas builds:limits:set --memory 2G --timeout 30m -a shop", "paas builds:limits:set --reset -a shop"],
  async run(context, input) {
    const json = toChange(input);
    const param = { app: await context.app(input) };
    const found = await context.client.call("put", "/v1/apps/:app/builds/limits", { param, json });
    context.show(input, found, limitLines);
  },
};

const purge: Verb = {
  name: "builds:cache:purge",
  aliases: ["repo:purge-cache"],
  summary: "remove what builds of the app keep for the next one, which then installs everything anew",
  hasApp: true,
  hasJson: true,
  examples: ["paas builds:cache:purge -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const result = await context.client.call("delete", "/v1/apps/:app/builds/cache", { param: { app } });
    const size = formatBytes(result.freedBytes);
    context.show(input, result, () => [`Purged the build cache of ${app} (${size}): the next build starts anew`]);
  },
};

/** Of a push its commit. */
function sourceOf({ commit, source }: Shown<Build>): string {
  if (source.kind === "push") return commit.slice(0, 8);
  if (source.kind === "git") return `${commit.slice(0, 8)} of ${source.url}#${source.ref}`;
  return source.kind === "image" ? `image ${source.ref}` : `archive ${source.name}`;
}

export const buildVerbs: VerbGroup = {
  title: "Builds",
  verbs: [list, output, cancel, purge, limits, setLimits, ...dockerfileVerbs],
};

function limitLines({ limits: all, own }: Shown<BuildLimitsView>): readonly string[] {
  const from = (name: keyof BuildLimits) => (own.includes(name) ? "set" : "default");
  return table(
    ["LIMIT", "OF ONE BUILD", ""],
    [
      ["memory", formatBytes(all.memoryBytes), from("memoryBytes")],
      ["cpus", `${all.cpus}, after running apps`, from("cpus")],
      ["processes", String(all.pids), from("pids")],
      ["disk", formatBytes(all.diskBytes), from("diskBytes")],
      ["time", age(all.timeoutMs), from("timeoutMs")],
    ],
  );
}

/** @throws CliError (usage) */
function toChange(input: Input): { limits: Partial<BuildLimits> | null } {
  const given = {
    memoryBytes: optional(input.option("memory"), (raw) => bytesOf(raw, "--memory 2G")),
    cpus: optional(input.option("cpus"), (raw) => numberOf(raw, "--cpus 1.5")),
    pids: optional(input.option("pids"), (raw) => numberOf(raw, "--pids 2048")),
    diskBytes: optional(input.option("disk"), (raw) => bytesOf(raw, "--disk 5G")),
    timeoutMs: optional(input.option("timeout"), timeOf),
  };
  const limitsGiven = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const hasLimits = Object.keys(limitsGiven).length > 0;
  if (hasLimits === input.flag("reset")) {
    throw usageError("No limit is given.", "Write limits like --memory 2G --timeout 30m, or --reset alone.");
  }
  return { limits: hasLimits ? limitsGiven : null };
}

/** @throws CliError (usage) */
function buildNumber(raw: string): string {
  if (/^[1-9][0-9]{0,8}$/.test(raw)) return raw;
  throw usageError(`"${raw}" is not the number of a build.`, "List them with: paas builds");
}

function optional<T>(raw: string | undefined, parse: (raw: string) => T): T | undefined {
  return raw === undefined ? undefined : parse(raw);
}

function bytesOf(raw: string, example: string): number {
  const bytes = parseSize(raw);
  if (bytes === undefined) throw usageError(`"${raw}" is not a size.`, `Write it like: ${example}`);
  return bytes;
}

function numberOf(raw: string, example: string): number {
  if (!/^[0-9]{1,7}(\.[0-9]{1,3})?$/.test(raw)) {
    throw usageError(`"${raw}" is not a number.`, `Write it like: ${example}`);
  }
  return Number(raw);
}

function timeOf(raw: string): number {
  const [, number, unit] = /^([0-9]{1,6})(s|m|h)?$/.exec(raw) ?? [];
  if (number === undefined) throw usageError(`"${raw}" is not a time.`, "Write it like: --timeout 30m");
  return Number(number) * (unit === "h" ? 3_600_000 : unit === "m" ? 60_000 : 1000);
}
