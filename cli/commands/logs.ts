import { usageError } from "../failure.ts";
import { writeAll } from "../io.ts";
import { renderLogLine } from "../output/log-lines.ts";
import { parseCount } from "./releases.ts";
import type { Input, Verb, VerbGroup } from "../verb.ts";

const sources = ["app", "router", "build", "paas"];

const logs: Verb = {
  name: "logs",
  summary: "show the log of an app: its own lines, requests, builds and what the platform did",
  hasApp: true,
  hasJson: true,
  options: [
    ["--recent", "the last lines, then end (so it is unless --tail is given)"],
    ["-t, --tail", "go on with new lines"],
    ["-n, --num <count>", "how many lines of the past, 100 unless told"],
    ["-p, --ps <process>", "only of a process type or an instance: web, web.1"],
    ["--source <source>", `only from one source: ${sources.join(", ")}`],
  ],
  examples: ["paas logs -a shop", "paas logs --tail --ps web", "paas logs -n 500 --source router"],
  async run(context, input) {
    const query = toQuery(input);
    const app = await context.app(input);
    let count = 0;
    await context.client.logs(app, query, (line) => {
      count += 1;
      const text = input.flag("json") ? JSON.stringify(line) : renderLogLine(line, context.hasColour);
      return writeAll(context.io.stdout, `${text}\n`);
    });
    if (count === 0 && query["lines"] !== "0") context.warn(`${app} has no such log lines.`);
  },
};

export const logVerbs: VerbGroup = { title: "Logs", verbs: [logs] };

/** @throws CliError (usage) */
function toQuery(input: Input): Record<string, string | undefined> {
  const source = input.option("source");
  if (source !== undefined && !sources.includes(source)) {
    throw usageError(`"${source}" is not a source of log lines.`, `There are: ${sources.join(", ")}.`);
  }
  const tail = input.flag("tail");
  if (tail && input.flag("recent")) throw usageError("--recent and --tail exclude each other.", "Leave one out.");
  const lines = parseCount(input.option("num") ?? "100");
  return { lines: String(lines), process: input.option("ps"), source, tail: String(tail) };
}
