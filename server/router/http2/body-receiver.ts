import type { ClientStream } from "./client-stream.ts";
import type { ClosedStreams } from "./closed-streams.ts";
import { type Code, codes, defaultWindow, flags } from "./codes.ts";
import type { ControlFrames } from "./control-frames.ts";
import type { FloodGuard } from "./flood-guard.ts";
import type { OpenStreams } from "./open-streams.ts";

/** What a client may have under way before an instance has taken it, per request and in all. */
export const windowBytes = 262_144;
const connectionWindowBytes = 16 * 1_048_576;

/** What it needs of its connection. */
export interface BodyOwner {
  readonly isClosing: boolean;
  reset(stream: ClientStream, code: Code): void;
}

/** The bodies of one connection's requests, and the windows that they come in. */
export class BodyReceiver {
  readonly #owner: BodyOwner;
  readonly #streams: OpenStreams;
  readonly #closed: ClosedStreams;
  readonly #control: ControlFrames;
  readonly #guard: FloodGuard;
  #window = connectionWindowBytes;
  /** Taken from it and not given back yet. */
  #uncredited = 0;
  /** Of the frame that is being read. */
  #stream: ClientStream | undefined;
  #flag = 0;
  #left = 0;

  constructor(
    owner: BodyOwner,
    streams: OpenStreams,
    closed: ClosedStreams,
    control: ControlFrames,
    guard: FloodGuard,
  ) {
    this.#owner = owner;
    this.#streams = streams;
    this.#closed = closed;
    this.#control = control;
    this.#guard = guard;
  }

  /** Opens the window of the connection. */
  open(): void {
    this.#control.window(0, connectionWindowBytes - defaultWindow);
  }

  /** A frame of `length` bytes begins, padding included. Answers what is wrong with the connection. */
  begin(flag: number, id: number, length: number): Code {
    this.#window -= length;
    if (this.#window < 0) return codes.flowControl;
    const stream = this.#streams.find(id);
    this.#stream = stream;
    this.#flag = flag;
    this.#left = length;
    const isUseless = stream === undefined || (length === 0 && (flag & flags.endStream) === 0);
    if (!isUseless) this.#guard.useful();
    else if (this.#guard.useless()) return codes.enhanceYourCalm;
    if (stream === undefined) return this.#closed.has(id) ? codes.none : codes.streamClosed;
    if (stream.isRequestWhole) this.#owner.reset(stream, codes.streamClosed);
    else {
      stream.receiveWindow -= length;
      if (stream.receiveWindow < 0) this.#owner.reset(stream, codes.flowControl);
    }
    return codes.none;
  }

  part(buf: Buffer, start: number, end: number): void {
    this.#left -= end - start;
    const stream = this.#stream;
    if (stream === undefined || stream.slot === -1) this.#creditConnection(end - start);
    else stream.received(buf, start, end);
  }

  /** What is left of the frame's length was padding. */
  end(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined || stream.slot === -1) {
      this.#creditConnection(this.#left);
      return;
    }
    if (this.#left > 0) this.credit(stream, this.#left);
    if ((this.#flag & flags.endStream) !== 0) stream.receivedAll("");
  }

  /** Gives the client back what it sent: on the stream, as long as that is open, and on the connection. */
  credit(stream: ClientStream, bytes: number): void {
    this.#creditConnection(bytes);
    if (stream.slot === -1 || stream.isRequestWhole) return;
    stream.uncredited += bytes;
    if (stream.uncredited < windowBytes / 2 || this.#owner.isClosing) return;
    this.#control.window(stream.id, stream.uncredited);
    stream.receiveWindow += stream.uncredited;
    stream.uncredited = 0;
  }

  #creditConnection(bytes: number): void {
    this.#uncredited += bytes;
    if (this.#uncredited < connectionWindowBytes / 4 || this.#owner.isClosing) return;
    this.#control.window(0, this.#uncredited);
    this.#window += this.#uncredited;
    this.#uncredited = 0;
  }
}
