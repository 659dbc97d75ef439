import type { ProcessCommand } from "../core/types.ts";

const plainWord = /^[A-Za-z0-9_/.:,@%+-]+$/;
const assignment = /^([A-Za-z_][A-Za-z0-9_]*=)(.*)$/s;
/** Words that a shell reads as grammar when they stand first. */
const grammarWords = new Set(
  "if then else elif fi for while until do done case esac select function time coproc in".split(" "),
);

/** One word for a POSIX shell, whatever it contains. */
export function quoteWord(word: string): string {
  return plainWord.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * The words as one command string in which each stays one word. `NAME=value` in front sets a variable, as it would in
 * a shell.
 */
export function quoteCommand(words: readonly string[]): string {
  const isPlain = (word: string) => !assignment.test(word);
  const firstPlain = words.findIndex(isPlain);
  const start = firstPlain < 0 ? words.length : firstPlain;
  return words
    .map((word, i) => {
      const [, name, value] = i < start ? (assignment.exec(word) ?? []) : [];
      if (name !== undefined && value !== undefined) return name + (value === "" ? "" : quoteWord(value));
      return i === start && grammarWords.has(word) ? `'${word}'` : quoteWord(word);
    })
    .join(" ");
}

/**
 * What a user typed behind `run`: one word that is a process type stands for its command, one argument is a line for
 * the shell, several are words of a command. Undefined is the image's own command.
 */
export function commandString(words: readonly string[], processes: readonly ProcessCommand[]): string | undefined {
  const [only] = words;
  if (words.length !== 1 || only === undefined) return quoteCommand(words);
  const process = processes.find(({ type }) => type === only);
  return process ? process.command : only;
}

/** argv for the engine. */
export function commandArgv(
  words: readonly string[],
  processes: readonly ProcessCommand[],
  launcher: readonly string[],
): readonly string[] | undefined {
  const text = commandString(words, processes);
  return text === undefined ? undefined : [...launcher, text];
}

/** What `exec` runs when nothing is named. */
export const shellCommand = "if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi";
