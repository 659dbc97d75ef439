import { usageError } from "../failure.ts";
import { moment } from "../output/moment.ts";
import { table } from "../output/table.ts";
import type { Verb, VerbGroup } from "../verb.ts";

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
        build.commit.slice(0, 8),
        build.status + (build.reason === undefined ? "" : `: ${build.reason}`),
        build.actor,
        moment(build.createdAt, context.io.now()),
      ]);
      return table(["BUILD", "COMMIT", "STATUS", "BY", "CREATED"], rows);
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
    const number = input.arg(0);
    if (!/^[1-9][0-9]{0,8}$/.test(number)) {
      throw usageError(`"${number}" is not the number of a build.`, "List them with: paas builds");
    }
    const found = await context.client.call("get", "/v1/apps/:app/builds/:number/output", { param: { app, number } });
    context.show(input, found, () => [found.output.replace(/\n$/, "")]);
  },
};

const cancel: Verb = {
  name: "builds:cancel",
  summary: "end the deploy that is in progress",
  hasApp: true,
  hasJson: true,
  examples: ["paas builds:cancel -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const result = await context.client.call("post", "/v1/apps/:app/builds/cancel", { param: { app } });
    const text = result.cancelled ? `Cancelled the deploy of ${app}` : `No deploy of ${app} is in progress`;
    context.show(input, result, () => [text]);
  },
};

export const buildVerbs: VerbGroup = { title: "Builds", verbs: [list, output, cancel] };
