import { usageError } from "../failure.ts";
import { readAll } from "../io.ts";
import { shellQuote } from "../output/shell.ts";
import { pairs } from "../output/table.ts";
import type { Context } from "../context.ts";
import type { Input, Verb, VerbGroup } from "../verb.ts";

const list: Verb = {
  name: "config",
  summary: "show the config vars of an app",
  hasApp: true,
  hasJson: true,
  options: [["-s, --shell", "as NAME=value lines for a shell"]],
  examples: ["paas config -a shop", "paas config --shell > .env"],
  async run(context, input) {
    const app = await context.app(input);
    const config = await context.client.call("get", "/v1/apps/:app/config", { param: { app } });
    const entries = Object.entries(config).toSorted(([a], [b]) => (a < b ? -1 : 1));
    context.show(input, config, () => {
      if (input.flag("shell")) return entries.map(([key, value]) => `${key}=${shellQuote(value)}`);
      return [`=== ${app} Config Vars`, "", ...pairs(entries)];
    });
  },
};

const get: Verb = {
  name: "config:get",
  summary: "print one config var",
  args: ["<name>"],
  hasApp: true,
  hasJson: true,
  examples: ["paas config:get DATABASE_URL -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const key = input.arg(0);
    const config = await context.client.call("get", "/v1/apps/:app/config", { param: { app } });
    const value = Object.hasOwn(config, key) ? config[key] : undefined;
    if (value === undefined) {
      context.warn(`error: App "${app}" has no config var "${key}".`, `List them with: paas config -a ${app}`);
      return 1;
    }
    context.show(input, { [key]: value }, () => [value]);
    return 0;
  },
};

const set: Verb = {
  name: "config:set",
  summary: "set config vars; makes a release and rolls it out",
  args: ["[assignments...]"],
  hasApp: true,
  hasJson: true,
  options: [["--stdin <name>", "read the value of this one from standard input"]],
  examples: ["paas config:set GREETING=hi LANG=en -a shop", "paas config:set --stdin TLS_KEY < key.pem"],
  async run(context, input) {
    const app = await context.app(input);
    const change = parseAssignments(input.args);
    const fromStdin = input.option("stdin");
    if (fromStdin !== undefined) change[fromStdin] = (await readAll(context.io.stdin)).replace(/\r?\n$/, "");
    const keys = Object.keys(change);
    if (keys.length === 0) throw usageError("No config var is named.", "Write NAME=value: paas config:set GREETING=hi");
    const result = await changeConfig(context, input, app, change);
    // Values are likely secrets: they are not shown again.
    context.show(input, result, () => [done("Set", keys, result.version)]);
  },
};

const unset: Verb = {
  name: "config:unset",
  aliases: ["config:remove"],
  summary: "remove config vars; makes a release and rolls it out",
  args: ["<names...>"],
  hasApp: true,
  hasJson: true,
  examples: ["paas config:unset GREETING -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const change = Object.fromEntries(input.args.map((key): [string, null] => [key, null]));
    const result = await changeConfig(context, input, app, change);
    context.show(input, result, () => [done("Unset", input.args, result.version)]);
  },
};

export const configVerbs: VerbGroup = { title: "Config", verbs: [list, get, set, unset] };

type Change = Record<string, string | null>;

function changeConfig(context: Context, input: Input, app: string, change: Change) {
  return context.client.job(
    "patch",
    "/v1/apps/:app/config",
    { param: { app }, json: { change } },
    context.progress(input),
  );
}

/** `A=1 B=2`; everything after the first `=` is the value. @throws CliError (usage) */
export function parseAssignments(words: readonly string[]): Change {
  const change: Change = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at < 1) throw usageError(`"${word}" is not NAME=value.`, "Write it like: paas config:set GREETING=hi");
    change[word.slice(0, at)] = word.slice(at + 1);
  }
  return change;
}

function done(verb: string, keys: readonly string[], version: number | undefined): string {
  return `${verb} ${keys.join(", ")}${version === undefined ? "; the next push will use it" : `: v${version}`}`;
}
