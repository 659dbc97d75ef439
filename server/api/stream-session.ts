import { PassThrough, type Duplex } from "node:stream";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import {
  encodeChunks,
  encodeFrame,
  FrameDecoder,
  frameType,
  type Frame,
  type FrameType,
  type OpenRequest,
} from "../core/frames.ts";
import { heartbeatMs } from "../core/records.ts";
import { check } from "./input.ts";
import type { TaskStreams } from "./platform.ts";

const openTimeoutMs = 10_000;
/** What a client that does not read may leave waiting here before its command is ended, bytes. */
const maxWaitingBytes = 64 * 1024 * 1024;

const size = z.object({ columns: z.int().min(1).max(10_000), rows: z.int().min(1).max(10_000) });
const openRequest = z.object({ command: z.array(z.string()), tty: size.optional(), stdin: z.boolean() });

/** The server's end of one interactive stream: frames in, frames out. */
export class StreamSession {
  readonly #socket: Duplex;
  readonly #decoder = new FrameDecoder();
  readonly #stdin = new PassThrough();
  readonly #gone = new AbortController();
  readonly #open = Promise.withResolvers<OpenRequest>();
  readonly #heartbeat: NodeJS.Timeout;
  #resize: (columns: number, rows: number) => void = () => undefined;

  constructor(socket: Duplex, head: Buffer) {
    this.#socket = socket;
    // Nobody may be waiting for it when the client goes before it has asked for anything.
    this.#open.promise.catch(() => undefined);
    // A command that has closed its input never drains it.
    for (const event of ["drain", "close"]) this.#stdin.on(event, () => socket.resume());
    this.#stdin.on("error", () => undefined);
    this.#heartbeat = setInterval(() => socket.write(encodeFrame(frameType.stdout)), heartbeatMs);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    for (const event of ["end", "close", "error"]) socket.on(event, () => this.#leave("The client went away."));
    if (head.length > 0) this.#receive(head);
  }

  /** Aborts when the client has gone or has broken the protocol. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What the client wants run. @throws AppError INPUT_INVALID when it does not say within 10 s */
  async opened(): Promise<OpenRequest> {
    const timer = setTimeout(() => this.#leave("The client did not say what to run."), openTimeoutMs);
    try {
      return await this.#open.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  streams(open: OpenRequest): TaskStreams {
    return {
      stdin: open.stdin ? this.#stdin : undefined,
      stdout: (chunk) => this.#send(frameType.stdout, chunk),
      stderr: (chunk) => this.#send(frameType.stderr, chunk),
      tty: open.tty,
      onResize: (resize) => {
        this.#resize = resize;
      },
    };
  }

  /** Sends the closing frame and hangs up. */
  close(frame: Uint8Array): void {
    clearInterval(this.#heartbeat);
    this.#stdin.destroy();
    if (this.#socket.writable) this.#socket.end(frame);
    // The other side may never hang up its half.
    setTimeout(() => this.#socket.destroy(), openTimeoutMs).unref();
  }

  #send(type: FrameType, chunk: Uint8Array): void {
    if (!this.#socket.writable) return;
    for (const frame of encodeChunks(type, chunk)) this.#socket.write(frame);
    if (this.#socket.writableLength > maxWaitingBytes) {
      this.#leave("The client does not read what the command writes.");
      this.#socket.destroy();
    }
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#decoder.push(chunk)) this.#take(frame);
    } catch (err) {
      this.#leave(err instanceof AppError ? err.message : "The client broke the protocol.");
    }
  }

  #take({ type, payload }: Frame): void {
    if (type === frameType.open) this.#open.resolve(toOpenRequest(payload));
    else if (type === frameType.stdin) this.#feed(payload);
    else if (type === frameType.stdinEnd) this.#stdin.end();
    else if (type === frameType.resize) {
      const { columns, rows } = check(size, parse(payload));
      this.#resize(columns, rows);
    }
  }

  #feed(payload: Uint8Array): void {
    if (this.#stdin.writableEnded || this.#stdin.destroyed || this.#stdin.write(payload)) return;
    this.#socket.pause();
  }

  #leave(reason: string): void {
    const err = new AppError("INPUT_INVALID", { what: reason });
    this.#open.reject(err);
    if (!this.#gone.signal.aborted) this.#gone.abort(err);
  }
}

function toOpenRequest(payload: Uint8Array): OpenRequest {
  const { command, tty, stdin } = check(openRequest, parse(payload));
  return { command, tty, stdin };
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch (cause) {
    throw new AppError("INPUT_INVALID", { what: "A frame of the stream is not valid JSON." }, { cause });
  }
}
