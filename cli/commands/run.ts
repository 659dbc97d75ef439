import { runInteractive } from "../interactive.ts";
import { terminalSize } from "../terminal.ts";
import { fillPath } from "../client.ts";
import { moment } from "../output/moment.ts";
import { shellQuote } from "../output/shell.ts";
import { table } from "../output/table.ts";
import type { Context } from "../context.ts";
import type { Input, Verb, VerbGroup, VerbOption } from "../verb.ts";

const noTty: VerbOption = ["--no-tty", "no terminal, even when there is one"];

const run: Verb = {
  name: "run",
  summary: "run a one-off command with the current release; its exit code is ours",
  args: ["<command...>"],
  hasApp: true,
  isPassThrough: true,
  options: [noTty],
  examples: [
    "paas run bash",
    "paas run -a shop 'psql $DATABASE_URL -c \"select 1\"'",
    "paas run -a shop node job.js --all",
  ],
  async run(context, input) {
    const app = await context.app(input);
    return attach(context, input, fillPath("/v1/apps/:app/run", { param: { app } }), input.args);
  },
};

const detached: Verb = {
  name: "run:detached",
  summary: "start a one-off command and leave it alone; its output goes to the log",
  args: ["<command...>"],
  hasApp: true,
  hasJson: true,
  isPassThrough: true,
  examples: ["paas run:detached -a shop node import.js"],
  async run(context, input) {
    const app = await context.app(input);
    const json = { command: [...input.args] };
    const task = await context.client.call("post", "/v1/apps/:app/tasks", { param: { app }, json });
    context.show(input, task, () => [
      `Running ${json.command.map(shellQuote).join(" ")} on ${app}: run.${task.number}`,
      `See its output with: paas logs --ps run.${task.number} -a ${app}`,
    ]);
  },
};

const exec: Verb = {
  name: "ps:exec",
  summary: "run a command inside a running instance, a shell unless told",
  args: ["<instance>", "[command...]"],
  hasApp: true,
  isPassThrough: true,
  options: [noTty],
  examples: ["paas ps:exec web.1 -a shop", "paas ps:exec -a shop web.1 -- ls -la"],
  async run(context, input) {
    const [instance = "", ...rest] = input.args;
    const { command, app = await context.app(input) } = splitExec(rest);
    const path = fillPath("/v1/apps/:app/instances/:instance/exec", { param: { app, instance } });
    return attach(context, input, path, command);
  },
};

const tasks: Verb = {
  name: "tasks",
  summary: "list the one-off commands of an app, the newest first",
  hasApp: true,
  hasJson: true,
  examples: ["paas tasks -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const all = await context.client.call("get", "/v1/apps/:app/tasks", { param: { app } });
    const found = all.toSorted((a, b) => b.number - a.number);
    context.show(input, found, () => {
      if (found.length === 0)
        return [`${app} has run no one-off commands yet. Start one with: paas run -a ${app} bash`];
      const rows = found.map((task) => [
        `run.${task.number}`,
        `v${task.version}`,
        task.status + (task.exitCode === undefined ? "" : ` (${task.exitCode})`),
        task.actor,
        moment(task.createdAt, context.io.now()),
        task.command.map(shellQuote).join(" "),
      ]);
      return table(["TASK", "RELEASE", "STATUS", "BY", "STARTED", "COMMAND"], rows);
    });
  },
};

export const runVerbs: VerbGroup = { title: "One-off commands", verbs: [run, detached, exec, tasks] };

function attach(context: Context, input: Input, path: string, command: readonly string[]): Promise<number> {
  const tty = input.isOff("tty") ? undefined : terminalSize(context.io);
  return runInteractive(context.client.connection, path, { command, tty, stdin: true }, context.io);
}

/** `web.1 -a shop -- ls -la`: until the command begins, `-a` is ours. */
export function splitExec(words: readonly string[]): { readonly command: readonly string[]; readonly app?: string } {
  const [first, second, ...rest] = words;
  if (first === "--") return { command: words.slice(1) };
  if ((first === "-a" || first === "--app") && second !== undefined) return { ...splitExec(rest), app: second };
  return { command: words };
}
