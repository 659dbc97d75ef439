import type { LogLine, LogSource } from "../core/types.ts";

/** `o` is stdout, `e` is stderr. */
export type StreamName = "o" | "e";

/** Where a line came from: enough to find the place in the container's own output again. */
export interface LineOrigin {
  readonly container: string;
  readonly stream: StreamName;
  /** 1 for the first line of this stream at this instant. */
  readonly ordinal: number;
  /** The output goes on in the same line: the next piece has the same instant. */
  readonly isOpen: boolean;
}

/** A line as it is stored. */
export interface StoredLine {
  /** Nanoseconds since the epoch, 19 digits: compared as text. */
  readonly ns: string;
  readonly source: LogSource;
  readonly process: string;
  readonly text: string;
  readonly origin?: LineOrigin | undefined;
}

/** The last line kept of one stream. */
export interface StreamPosition {
  readonly ns: string;
  readonly ordinal: number;
  readonly isOpen: boolean;
}

export type Position = { readonly [S in StreamName]?: StreamPosition | undefined };

/** Container (short id) → position. Changed in place, for every line. */
export type Positions = Map<string, { -readonly [S in StreamName]?: StreamPosition | undefined }>;

const codes: Readonly<Record<LogSource, string>> = { app: "a", router: "r", build: "b", paas: "p" };
const sources: Readonly<Record<string, LogSource>> = { a: "app", r: "router", b: "build", p: "paas" };
const checkpointMark = "#";

/** How containers are named in records. */
export function shortId(containerId: string): string {
  return containerId.slice(0, 12);
}

export function nsOf(at: number): string {
  return `${String(Math.round(at * 1000)).padStart(16, "0")}000`;
}

/** One line of a segment. The text must be clean: it has no line end. */
export function encodeRecord(line: StoredLine): string {
  const { origin } = line;
  const from = origin ? `${origin.container}${origin.stream}${origin.isOpen ? "+" : "."}${origin.ordinal}` : "";
  return `${line.ns}\t${codes[line.source]}\t${line.process}\t${from}\t${line.text}\n`;
}

/** Undefined for anything that is not a whole record. */
export function decodeRecord(raw: string): StoredLine | undefined {
  const afterNs = raw.indexOf("\t");
  const afterSource = raw.indexOf("\t", afterNs + 1);
  const afterProcess = raw.indexOf("\t", afterSource + 1);
  const afterOrigin = raw.indexOf("\t", afterProcess + 1);
  const source = sources[raw.slice(afterNs + 1, afterSource)];
  const isWhole = afterNs === 19 && afterSource > 0 && afterProcess > afterSource && afterOrigin > afterProcess;
  if (!isWhole || source === undefined) return undefined;
  return {
    ns: raw.slice(0, afterNs),
    source,
    process: raw.slice(afterSource + 1, afterProcess),
    origin: decodeOrigin(raw.slice(afterProcess + 1, afterOrigin)),
    text: raw.slice(afterOrigin + 1),
  };
}

function decodeOrigin(raw: string): LineOrigin | undefined {
  const match = /^(\w{12})([oe])([+.])(\d+)$/.exec(raw);
  if (!match) return undefined;
  const [, container = "", stream, open, ordinal] = match;
  return { container, stream: stream === "e" ? "e" : "o", ordinal: Number(ordinal), isOpen: open === "+" };
}

export function toLogLine(line: StoredLine): LogLine {
  return { at: Number(line.ns.slice(0, 16)) / 1000, source: line.source, process: line.process, text: line.text };
}

/** Notes the line's origin. */
export function advance(positions: Positions, line: StoredLine): void {
  if (line.origin === undefined) return;
  const { container, stream, ordinal, isOpen } = line.origin;
  const place = { ns: line.ns, ordinal, isOpen };
  const known = positions.get(container);
  if (known) known[stream] = place;
  else positions.set(container, { [stream]: place });
}

/** First lines of a segment: the positions as they were before it, so that older segments may go. */
export function encodeCheckpoint(positions: Positions): string {
  return [...positions].map((entry) => `${checkpointMark}${JSON.stringify(entry)}\n`).join("");
}

/** The positions after the last record of a segment. */
export function readPositions(segment: string): Positions {
  const positions: Positions = new Map();
  for (const raw of segment.split("\n")) {
    if (raw.startsWith(checkpointMark)) readCheckpoint(positions, raw);
    const line = decodeRecord(raw);
    if (line) advance(positions, line);
  }
  return positions;
}

function readCheckpoint(positions: Positions, raw: string): void {
  try {
    const [container, position] = JSON.parse(raw.slice(checkpointMark.length)) as [string, Position];
    positions.set(container, position);
  } catch {
    // Not ours; the container's output is then read from its start.
  }
}
