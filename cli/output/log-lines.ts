import { formatLine } from "../../server/core/log-line.ts";
import type { LogLine } from "../../server/core/types.ts";

const colours = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94] as const;

/** One line in Heroku's format. On a terminal each process keeps a colour of its own. */
export function renderLogLine(line: LogLine, hasColour: boolean): string {
  const text = formatLine(line);
  if (!hasColour) return text;
  const end = text.indexOf("]: ") + 2;
  return `\u001b[${colourOf(line.process)}m${text.slice(0, end)}\u001b[0m${text.slice(end)}`;
}

/** The same name has the same colour in every run. */
function colourOf(process: string): number {
  let sum = 0;
  for (const char of process) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 65_521;
  return colours[sum % colours.length] ?? colours[0];
}
