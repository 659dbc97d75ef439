import type { AppInfo } from "../../server/api/platform.ts";
import type { Shown } from "../client.ts";
import { addRemote, addressesFrom, renameRemote, type RemoteOutcome } from "../git-remote.ts";
import { usageError } from "../failure.ts";
import { moment } from "../output/moment.ts";
import { pairs, table } from "../output/table.ts";
import type { Input, Verb, VerbGroup } from "../verb.ts";

const list: Verb = {
  name: "apps",
  aliases: ["apps:list"],
  summary: "list the apps",
  hasJson: true,
  examples: ["paas apps", "paas apps --json"],
  async run(context, input) {
    const apps = await context.client.call("get", "/v1/apps", {});
    context.show(input, apps, () => {
      if (apps.length === 0) return ["There are no apps yet. Create one with: paas apps:create shop"];
      const rows = apps.map(({ app, version, urls }) => [app.name, versionOf(version), urls[0] ?? ""]);
      return table(["NAME", "RELEASE", "URL"], rows);
    });
  },
};

const create: Verb = {
  name: "apps:create",
  aliases: ["create"],
  summary: "create an app; in a git repository also the remote to push to",
  args: ["<name>"],
  hasJson: true,
  options: [
    ["--no-remote", "leave the git repository alone"],
    ["--path <folder>", "of the app within its repository: apps/web"],
    ["--ssh", "push over ssh"],
    ["--http", "push over http"],
  ],
  examples: ["paas apps:create shop", "paas apps:create shop --no-remote", "paas apps:create shop --path apps/web"],
  async run(context, input) {
    const info = await context.client.call("post", "/v1/apps", { json: { name: input.arg(0) } });
    const root = input.option("path");
    if (root !== undefined) {
      const param = { app: info.app.name };
      await context.client.call("patch", "/v1/apps/:app/builds/settings", { param, json: { root } });
    }
    const wantsRemote = !context.isRemote && !input.isOff("remote");
    const remote = wantsRemote
      ? await addRemote(context, info, { protocol: protocolOf(input), isForced: false })
      : undefined;
    const shown = addressesFrom(context.client.connection, info);
    const later = [`Push to it with: git remote add paas ${shown.gitSsh} && git push paas main`];
    const next = remote === undefined ? later : describeRemote(info.app.name, remote);
    context.show(input, shown, () => [`Created ${info.app.name}`, ...next]);
  },
};

const info: Verb = {
  name: "apps:info",
  aliases: ["info"],
  summary: "show one app",
  args: ["[app]"],
  hasApp: true,
  hasJson: true,
  examples: ["paas apps:info shop"],
  async run(context, input) {
    const app = input.optionalArg(0) ?? (await context.app(input));
    const answer = await context.client.call("get", "/v1/apps/:app", { param: { app } });
    const found = addressesFrom(context.client.connection, answer);
    context.show(input, found, () => [`=== ${found.app.name}`, "", ...pairs(describe(found, context.io.now()))]);
  },
};

const rename: Verb = {
  name: "apps:rename",
  summary: "give an app another name",
  args: ["<names...>"],
  hasApp: true,
  hasJson: true,
  examples: ["paas apps:rename store -a shop", "paas apps:rename shop store"],
  async run(context, input) {
    if (input.args.length > 2) throw usageError("There are too many names.", "Write: paas apps:rename OLD NEW");
    const to = input.args.at(-1) ?? "";
    const app = input.args.length === 2 ? input.arg(0) : await context.app(input);
    const renamed = await context.client.call("patch", "/v1/apps/:app", { param: { app }, json: { name: to } });
    if (!context.isRemote) await renameRemote(context, app, renamed);
    context.show(input, renamed, () => [`Renamed ${app} to ${renamed.app.name}`]);
  },
};

const destroy: Verb = {
  name: "apps:destroy",
  aliases: ["destroy", "apps:delete"],
  summary: "remove an app for good: instances, releases, routes, logs",
  args: ["[app]"],
  hasApp: true,
  options: [["--confirm <name>", "the app's name once more"]],
  examples: ["paas apps:destroy shop --confirm shop"],
  async run(context, input) {
    const app = input.optionalArg(0) ?? (await context.app(input));
    const query = { confirm: input.option("confirm") ?? "" };
    await context.client.job("delete", "/v1/apps/:app", { param: { app }, query }, context.progress(input));
  },
};

const remote: Verb = {
  name: "git:remote",
  summary: "add or change the git remote of an app in this repository",
  hasApp: true,
  isLocal: true,
  options: [
    ["--ssh", "push over ssh"],
    ["--http", "push over http"],
  ],
  examples: ["paas git:remote -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const found = await context.client.call("get", "/v1/apps/:app", { param: { app } });
    const outcome = await addRemote(context, found, { protocol: protocolOf(input), isForced: true });
    if (outcome.kind === "no-repository")
      throw usageError("This folder is not in a git repository.", "Make it one with: git init");
    context.print(...describeRemote(app, outcome));
  },
};

export const appVerbs: VerbGroup = { title: "Apps", verbs: [list, create, info, rename, destroy, remote] };

function protocolOf(input: Input): "ssh" | "http" | undefined {
  if (input.flag("ssh")) return "ssh";
  return input.flag("http") ? "http" : undefined;
}

function describe({ app, version, urls, gitSsh, gitHttp }: Shown<AppInfo>, now: number): readonly [string, string][] {
  return [
    ["Release", versionOf(version) + (app.stopped ? " (stopped)" : "")],
    ["URL", urls.join(" ")],
    ["Git over ssh", gitSsh],
    ["Git over http", gitHttp],
    ["Deploy branch", app.deployBranch ?? "the first one that is pushed"],
    ["Space", app.space],
    ["Created", moment(app.createdAt, now)],
  ];
}

function versionOf(version: number | undefined): string {
  return version === undefined ? "-" : `v${version}`;
}

function describeRemote(app: string, outcome: RemoteOutcome): readonly string[] {
  switch (outcome.kind) {
    case "set":
      return [`Git remote paas: ${outcome.url}`, "Deploy with: git push paas main"];
    case "taken":
      return [
        `The git remote paas points to ${outcome.url} and was left alone.`,
        `Change it with: paas git:remote -a ${app}`,
      ];
    case "no-repository":
      return [`In the git repository of the app, type: paas git:remote -a ${app}`];
  }
}
