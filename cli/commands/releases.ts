import { usageError } from "../failure.ts";
import { moment } from "../output/moment.ts";
import { pairs, table } from "../output/table.ts";
import type { Verb, VerbGroup } from "../verb.ts";

const list: Verb = {
  name: "releases",
  summary: "list the releases of an app, the newest first",
  hasApp: true,
  hasJson: true,
  options: [["-n, --num <count>", "how many, 15 unless told"]],
  examples: ["paas releases -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const count = parseCount(input.option("num") ?? "15");
    const all = await context.client.call("get", "/v1/apps/:app/releases", { param: { app } });
    const releases = all.toSorted((a, b) => b.version - a.version).slice(0, count);
    context.show(input, releases, () => {
      if (releases.length === 0) return [`${app} has no releases yet. Deploy it with: git push paas main`];
      const rows = releases.map((release) => [
        `v${release.version}${release.current ? " *" : ""}`,
        release.description,
        release.status,
        release.actor,
        moment(release.createdAt, context.io.now()),
      ]);
      return table(["RELEASE", "DESCRIPTION", "STATUS", "BY", "CREATED"], rows);
    });
  },
};

const info: Verb = {
  name: "releases:info",
  summary: "show one release",
  args: ["<version>"],
  hasApp: true,
  hasJson: true,
  examples: ["paas releases:info v3 -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const version = String(parseVersion(input.arg(0)));
    const release = await context.client.call("get", "/v1/apps/:app/releases/:version", { param: { app, version } });
    context.show(input, release, () => [
      `=== ${app} v${release.version}${release.current ? " (current)" : ""}`,
      "",
      ...pairs([
        ["Description", release.description],
        ["Status", release.status + (release.reason === undefined ? "" : `: ${release.reason}`)],
        ["Commit", release.commit],
        ["By", release.actor],
        ["Created", moment(release.createdAt, context.io.now())],
        ["Config vars", release.configKeys.join(" ")],
        ...release.processes.map(({ type, command }): [string, string] => [
          type,
          command ?? "(the image's own command)",
        ]),
      ]),
    ]);
  },
};

const rollback: Verb = {
  name: "rollback",
  aliases: ["releases:rollback"],
  summary: "go back to an earlier release: its code, config vars and commands",
  args: ["[version]"],
  hasApp: true,
  hasJson: true,
  examples: ["paas rollback -a shop", "paas rollback v3 -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const wanted = input.optionalArg(0);
    const json = wanted === undefined ? {} : { version: parseVersion(wanted) };
    const param = { app };
    const result = await context.client.job("post", "/v1/apps/:app/rollback", { param, json }, context.progress(input));
    context.show(input, result, () => [
      `Rolled back: v${result.version}`,
      "Code, config vars and commands are those of then; services and their data stay as they are.",
    ]);
  },
};

export const releaseVerbs: VerbGroup = { title: "Releases", verbs: [list, info, rollback] };

/** `v3` or `3`. @throws CliError (usage) */
export function parseVersion(raw: string): number {
  const version = Number(/^v?([0-9]{1,9})$/.exec(raw)?.[1] ?? 0);
  if (version > 0) return version;
  throw usageError(`"${raw}" is not a release.`, "Write it like v3; list them with: paas releases");
}

/** @throws CliError (usage) */
export function parseCount(raw: string): number {
  if (/^[0-9]{1,6}$/.test(raw)) return Number(raw);
  throw usageError(`"${raw}" is not a number of lines.`, "Write a whole number: -n 50");
}
