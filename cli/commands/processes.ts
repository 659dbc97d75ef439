import type { FormationEntry, InstanceStatus } from "../../server/core/types.ts";
import type { Shown } from "../client.ts";
import { usageError } from "../failure.ts";
import { moment } from "../output/moment.ts";
import type { Verb, VerbGroup } from "../verb.ts";

const list: Verb = {
  name: "ps",
  summary: "show the instances of an app",
  hasApp: true,
  hasJson: true,
  examples: ["paas ps -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const status = await context.client.call("get", "/v1/apps/:app/processes", { param: { app } });
    context.show(input, status, ({ instances, formation, stopped }) => {
      const note = stopped ? [`${app} is stopped. Start it with: paas ps:start -a ${app}`] : [];
      if (formation.length === 0) return [`${app} has no process types yet. Deploy it with: git push paas main`];
      return [...note, ...formation.flatMap((entry) => describeType(entry, instances, context.io.now()))];
    });
  },
};

const scale: Verb = {
  name: "ps:scale",
  aliases: ["scale"],
  summary: "show or change how many instances run of each process type",
  args: ["[changes...]"],
  hasApp: true,
  hasJson: true,
  examples: ["paas ps:scale web=2 worker=1 -a shop", "paas ps:scale worker+1", "paas ps:scale"],
  async run(context, input) {
    const app = await context.app(input);
    const param = { app };
    const needsNow = input.args.length === 0 || input.args.some((word) => relative.test(word));
    const before = needsNow ? await context.client.call("get", "/v1/apps/:app/formation", { param }) : [];
    if (input.args.length === 0) {
      context.show(input, before, () => [before.map(({ type, count }) => `${type}=${count}`).join(" ")]);
      return;
    }
    const counts = parseScale(input.args, before);
    await context.client.job("post", "/v1/apps/:app/scale", { param, json: { counts } }, context.progress(input));
    const shown = Object.entries(counts).map(([type, count]) => `${type} at ${count}`);
    context.show(input, counts, () => [`Scaled ${app}, now running ${shown.join(", ")}`]);
  },
};

const restart: Verb = {
  name: "ps:restart",
  aliases: ["restart"],
  summary: "start new instances of all process types, or of one, and stop the old ones",
  args: ["[type]"],
  hasApp: true,
  examples: ["paas ps:restart -a shop", "paas ps:restart worker -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const type = input.optionalArg(0);
    const json = type === undefined ? {} : { type };
    await context.client.job("post", "/v1/apps/:app/restart", { param: { app }, json }, context.progress(input));
  },
};

const stop: Verb = {
  name: "ps:stop",
  aliases: ["stop"],
  summary: "stop all instances; the formation is kept",
  hasApp: true,
  examples: ["paas ps:stop -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    await context.client.job("post", "/v1/apps/:app/stop", { param: { app } }, context.progress(input));
  },
};

const start: Verb = {
  name: "ps:start",
  aliases: ["start"],
  summary: "start an app that was stopped",
  hasApp: true,
  examples: ["paas ps:start -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    await context.client.job("post", "/v1/apps/:app/start", { param: { app } }, context.progress(input));
  },
};

export const processVerbs: VerbGroup = { title: "Processes", verbs: [list, scale, restart, stop, start] };

const absolute = /^([A-Za-z0-9_-]+)=([0-9]{1,3})$/;
const relative = /^([A-Za-z0-9_-]+?)([+-][0-9]{1,3})$/;

const maxCount = 100;

/** `web=2 worker+1`. @throws CliError (usage) */
export function parseScale(
  words: readonly string[],
  formation: readonly { readonly type: string; readonly count: number }[],
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) {
    const [, type, count] = absolute.exec(word) ?? relative.exec(word) ?? [];
    if (type === undefined || count === undefined || Number(count) > maxCount) {
      throw usageError(
        `"${word}" is not a valid scale.`,
        `Write TYPE=COUNT or TYPE+COUNT, at most ${maxCount}: paas ps:scale web=2 worker+1`,
      );
    }
    const before = relative.test(word) ? (formation.find((entry) => entry.type === type)?.count ?? 0) : 0;
    counts[type] = Math.max(0, before + Number(count));
  }
  return counts;
}

function describeType(
  { type, count, memoryMb, cpus }: Shown<FormationEntry>,
  instances: readonly Shown<InstanceStatus>[],
  now: number,
): readonly string[] {
  const mine = instances.filter((instance) => instance.type === type).toSorted((a, b) => a.index - b.index);
  const heading = `=== ${type} (${memoryMb} MB, ${cpus} CPU): ${count}`;
  return [heading, "", ...mine.map((instance) => describeInstance(instance, now)), ...(mine.length > 0 ? [""] : [])];
}

function describeInstance(instance: Shown<InstanceStatus>, now: number): string {
  const { name, state, version, since, crashes, reason, nextStartAt } = instance;
  const notes = [
    ...(crashes > 0 ? [`${crashes} ${crashes === 1 ? "crash" : "crashes"}`] : []),
    ...(reason === undefined ? [] : [reason]),
    ...(nextStartAt === undefined ? [] : [`next start in ${Math.max(0, Math.ceil((nextStartAt - now) / 1000))} s`]),
  ];
  return `${name}: ${state} ${moment(since, now)} v${version}${notes.length === 0 ? "" : ` [${notes.join("; ")}]`}`;
}
