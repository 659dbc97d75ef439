import type { Duplex } from "node:stream";
import {
  encodeChunks,
  encodeFrame,
  encodeJsonFrame,
  FrameDecoder,
  frameType,
  type Frame,
  type OpenRequest,
} from "../server/core/frames.ts";
import { exitCodeOf, CliError } from "./failure.ts";
import { writeAll, type Io } from "./io.ts";
import { refusalOf } from "./client.ts";
import { followSize } from "./terminal.ts";
import { upgrade } from "./transport.ts";
import type { Connection } from "./connection.ts";
import type { WireError } from "../server/core/records.ts";

/** Runs a command with this terminal as its own; answers its exit code. @throws CliError */
export async function runInteractive(
  connection: Connection,
  path: string,
  request: OpenRequest,
  io: Io,
): Promise<number> {
  const opened = await upgrade(connection, path);
  if ("refusal" in opened) throw await refusalOf(opened.refusal);
  const { socket, head } = opened;
  const isRaw = request.tty !== undefined && io.stdin.isTTY === true;
  if (isRaw) io.stdin.setRawMode?.(true);
  try {
    socket.write(encodeJsonFrame(frameType.open, request));
    const stopInput = feed(socket, io);
    if (request.tty !== undefined) followSize(io, (size) => socket.write(encodeJsonFrame(frameType.resize, size)));
    return await receive(socket, head, io).finally(stopInput);
  } finally {
    if (isRaw) io.stdin.setRawMode?.(false);
    socket.destroy();
  }
}

/** Sends what is typed or piped until the input ends. Answers a function that stops listening. */
function feed(socket: Duplex, { stdin }: Io): () => void {
  const onData = (chunk: Buffer | string) => {
    const isOpen = encodeChunks(frameType.stdin, Buffer.from(chunk)).every((frame) => socket.write(frame));
    if (!isOpen) stdin.pause();
  };
  const onEnd = () => socket.write(encodeFrame(frameType.stdinEnd));
  const onDrain = () => stdin.resume();
  socket.on("drain", onDrain);
  stdin.on("data", onData).on("end", onEnd);
  return () => {
    socket.off("drain", onDrain);
    stdin.off("data", onData).off("end", onEnd).pause();
  };
}

async function receive(socket: Duplex, head: Buffer, io: Io): Promise<number> {
  const decoder = new FrameDecoder();
  // Reading one chunk after the other holds the sender back while our own reader is slow.
  for await (const chunk of chunksOf(socket, head)) {
    for (const frame of decoder.push(chunk)) {
      const code = await take(frame, io);
      if (code !== undefined) return code;
    }
  }
  throw new CliError("The connection ended before the command did.", "The command was ended; look at: paas logs");
}

async function* chunksOf(socket: Duplex, head: Buffer): AsyncIterable<Buffer> {
  if (head.length > 0) yield head;
  try {
    for await (const chunk of socket) yield chunk as Buffer;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ECONNRESET") throw err;
  }
}

/** Answers the exit code once there is one. */
async function take({ type, payload }: Frame, io: Io): Promise<number | undefined> {
  if (type === frameType.stdout) await writeAll(io.stdout, payload);
  if (type === frameType.stderr) await writeAll(io.stderr, payload);
  if (type === frameType.exit) return (parse(payload) as { readonly code: number }).code;
  if (type !== frameType.error) return undefined;
  const { message, hint, status } = parse(payload) as WireError;
  throw new CliError(message, hint, exitCodeOf(status));
}

function parse(payload: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(payload));
}
