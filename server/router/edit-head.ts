import type { Field, HeadEdit } from "./middleware.ts";

/** The framing of a message is not a policy's business. */
const untouchable: ReadonlySet<string> = new Set(["content-length", "transfer-encoding", "connection", "upgrade"]);

/** Field lines (`Name: value\r\n`, without the empty line) after an edit: removed, then set, then added. */
export function editFields(lines: string, edit: HeadEdit): string {
  const set = (edit.set ?? []).filter(([name]) => !untouchable.has(name.toLowerCase()));
  const gone = new Set([...(edit.remove ?? []), ...set.map(([name]) => name)].map((name) => name.toLowerCase()));
  const kept = lines.split("\r\n").filter((line) => {
    const name = nameOf(line);
    return line !== "" && (!gone.has(name) || untouchable.has(name));
  });
  const added = (edit.add ?? []).filter(([name]) => !untouchable.has(name.toLowerCase()));
  return [...kept, ...set.map(asLine), ...added.map(asLine)].map((line) => `${line}\r\n`).join("");
}

/** Field lines without those of some names. */
export function withoutFields(lines: string, names: readonly string[]): string {
  return lines
    .split("\r\n")
    .filter((line) => line !== "" && !names.includes(nameOf(line)))
    .map((line) => `${line}\r\n`)
    .join("");
}

/** The value of a field in field lines: all its lines joined by `, `. `name` in lower case. */
export function fieldIn(lines: string, name: string): string | undefined {
  const values = lines
    .split("\r\n")
    .filter((line) => nameOf(line) === name)
    .map((line) => line.slice(line.indexOf(":") + 1).trim());
  return values.length === 0 ? undefined : values.join(", ");
}

/** Field lines taken apart. */
export function fieldsOf(lines: string): readonly Field[] {
  return lines
    .split("\r\n")
    .filter((line) => line !== "")
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()] as const);
}

/** A request head after an edit: request line, fields, empty line. */
export function editRequest(head: string, edit: HeadEdit): string {
  const lineEnd = head.indexOf("\r\n");
  const line = head.slice(0, lineEnd);
  const [method = "", target = ""] = line.split(" ");
  const place = edit.target === undefined ? target : edit.target.replace(/[^!-~]/g, encodeURIComponent);
  return `${method} ${place} HTTP/1.1\r\n${editFields(head.slice(lineEnd + 2, -2), edit)}\r\n`;
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(":")).toLowerCase();
}

/** A value can never begin another line. */
function asLine([name, value]: Field): string {
  return `${name}: ${value.replace(/[\r\n\0]/g, " ")}`;
}
