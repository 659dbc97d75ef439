import { AppError } from "../core/errors.ts";

const escapableInDouble = new Set(["$", "`", '"', "\\", "\n"]);

/**
 * Splits a command line into words by POSIX's rules of quoting (XCU 2.2). Nothing is expanded, and operators such as
 * `;` or `|` are plain characters: there is no shell behind this.
 *
 * @throws AppError COMMAND_INVALID for a quote that is not closed or a backslash at the end
 */
export function splitWords(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < line.length) {
    const char = line.charAt(at);
    if (/[ \t\n\r]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at += 1;
      continue;
    }
    const piece = readPiece(line, at);
    word = (word ?? "") + piece.text;
    at = piece.next;
  }
  return word === undefined ? words : [...words, word];
}

interface Piece {
  readonly text: string;
  readonly next: number;
}

function readPiece(line: string, at: number): Piece {
  const char = line.charAt(at);
  if (char === "'") return readSingle(line, at);
  if (char === '"') return readDouble(line, at);
  if (char !== "\\") return { text: char, next: at + 1 };
  const escaped = line.charAt(at + 1);
  if (escaped === "") throw new AppError("COMMAND_INVALID", { reason: "it ends in a backslash" });
  return { text: escaped === "\n" ? "" : escaped, next: at + 2 };
}

function readSingle(line: string, at: number): Piece {
  const end = line.indexOf("'", at + 1);
  if (end === -1) throw new AppError("COMMAND_INVALID", { reason: "a single quote is not closed" });
  return { text: line.slice(at + 1, end), next: end + 1 };
}

function readDouble(line: string, at: number): Piece {
  let text = "";
  for (let i = at + 1; i < line.length; i += 1) {
    const char = line.charAt(i);
    if (char === '"') return { text, next: i + 1 };
    const following = line.charAt(i + 1);
    if (char === "\\" && escapableInDouble.has(following)) {
      text += following === "\n" ? "" : following;
      i += 1;
    } else text += char;
  }
  throw new AppError("COMMAND_INVALID", { reason: "a double quote is not closed" });
}
