import type { Io } from "./io.ts";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The descriptor on which the daemon tells new sizes of a caller's terminal, as `80x24` lines. */
const resizeDescriptor = 3;

/** The terminal that a command gets: ours, or over ssh the one of the caller. Undefined when there is none. */
export function terminalSize(io: Pick<Io, "env" | "stdin" | "stdout">): Size | undefined {
  if (isCallers(io)) return parseSize(io.env["PAAS_TTY"] ?? "");
  if (!io.stdin.isTTY || !io.stdout.isTTY) return undefined;
  return { columns: io.stdout.columns ?? 80, rows: io.stdout.rows ?? 24 };
}

export function followSize(io: Io, onSize: (size: Size) => void): void {
  if (isCallers(io)) return followCaller(onSize);
  io.stdout.on("resize", () => {
    const size = terminalSize(io);
    if (size !== undefined) onSize(size);
  });
}

/** `80x24` */
export function parseSize(text: string): Size | undefined {
  const [, columns, rows] = /^([1-9][0-9]{0,3})x([1-9][0-9]{0,3})$/.exec(text.trim()) ?? [];
  return columns === undefined ? undefined : { columns: Number(columns), rows: Number(rows) };
}

function isCallers({ env }: Pick<Io, "env">): boolean {
  return Boolean(env["PAAS_REMOTE"] && env["PAAS_TTY"]);
}

function followCaller(onSize: (size: Size) => void): void {
  const { Socket } = process.getBuiltinModule("node:net");
  const socket = new Socket({ fd: resizeDescriptor, readable: true, writable: false });
  socket.on("error", () => undefined).unref();
  socket.on("data", (chunk) => {
    const size = parseSize(chunk.toString().trim().split("\n").at(-1) ?? "");
    if (size !== undefined) onSize(size);
  });
}
