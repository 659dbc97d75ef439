import { AppError } from "../core/errors.ts";
import { parseProcessType } from "../core/ids.ts";
import type { ProcessCommand } from "../core/types.ts";
import { meaningfulLines } from "./lines.ts";

// Heroku's line grammar: https://devcenter.heroku.com/articles/procfile
const linePattern = /^([A-Za-z0-9_-]+):\s*(.+)$/;
const conflictPattern = /^(<{7}|={7}|>{7}|\|{7})/;
const shownCharacters = 80;

/**
 * Reads a Procfile into its process types, in order. Blank lines and lines that start with `#` are passed over.
 * @throws AppError PROCFILE_LINE, PROCFILE_TYPE_TWICE, PROCFILE_EMPTY, PROCESS_TYPE_INVALID
 */
export function parseProcfile(text: string): readonly ProcessCommand[] {
  const seenOn = new Map<string, number>();
  const commands: ProcessCommand[] = [];
  for (const [number, line] of meaningfulLines(text)) {
    const entry = parseLine(line, number);
    const first = seenOn.get(entry.type);
    if (first !== undefined) throw new AppError("PROCFILE_TYPE_TWICE", { type: entry.type, first, line: number });
    seenOn.set(entry.type, number);
    commands.push(entry);
  }
  if (commands.length === 0) throw new AppError("PROCFILE_EMPTY");
  return commands;
}

function parseLine(line: string, number: number): ProcessCommand {
  const [, type, command] = linePattern.exec(line) ?? [];
  if (type === undefined || command === undefined) {
    throw new AppError("PROCFILE_LINE", { line: number, text: shown(line), hint: hintFor(line) });
  }
  return { type: parseProcessType(type), command };
}

function hintFor(line: string): string {
  if (conflictPattern.test(line)) return "This is a merge conflict: keep one side, remove the markers and commit.";
  const bare = /^([A-Za-z0-9_-]+):$/.exec(line)?.[1];
  if (bare !== undefined) return `Write the command on the same line, like: ${bare}: npm start`;
  const [, word, rest] = /^([A-Za-z0-9_-]+)\s+(.+)$/.exec(line) ?? [];
  if (word !== undefined && rest !== undefined && !rest.includes(":")) {
    return `A colon is missing after the process type: ${word}: ${shown(rest)}`;
  }
  return "Each line is TYPE: COMMAND with letters, digits, - and _ in the type, like: web: npm start";
}

function shown(text: string): string {
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text;
}
