import type { LogLine, LogSource } from "./types.ts";

const shownSource: Readonly<Record<LogSource, string>> = { app: "app", router: "paas", build: "build", paas: "paas" };

/** Heroku's format: `2012-02-07T09:43:06.123456+00:00 app[web.1]: message`. */
export function formatLine(line: LogLine): string {
  return `${formatInstant(line.at)} ${shownSource[line.source]}[${line.process}]: ${closeColours(line.text)}`;
}

/** Microseconds, always UTC. */
function formatInstant(at: number): string {
  const micros = Math.round(at * 1000);
  const seconds = new Date(Math.floor(micros / 1_000_000) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(micros % 1_000_000).padStart(6, "0")}+00:00`;
}

// biome keeps this on one line; it matches the last colour sequence of a line.
const lastColour = /\u001b\[([0-9;:]*)m[^\u001b]*$/;

/** A colour that a line leaves on must not run into the next one. */
function closeColours(text: string): string {
  const last = lastColour.exec(text)?.[1];
  return last === undefined || /^0*$/.test(last) ? text : `${text}\u001b[0m`;
}
