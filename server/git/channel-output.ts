import { Writable } from "node:stream";
import type { ServerChannel } from "ssh2";

/**
 * The two output streams of an ssh channel, for whoever writes. Once the client has gone, writing succeeds and does
 * nothing: a channel that is closed would never call back.
 *
 * One write at a time for both streams: ssh2 keeps the rest of a write that waits for the client's window in a field that
 * it does not clear, and sends it again when the other stream has to wait.
 */
export class ChannelOutput {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly #channel: ServerChannel;
  readonly #gone: AbortSignal;
  #last: Promise<void> = Promise.resolve();

  constructor(channel: ServerChannel, gone: AbortSignal) {
    this.#channel = channel;
    this.#gone = gone;
    this.stdout = this.#sinkTo(channel);
    this.stderr = this.#sinkTo(channel.stderr);
  }

  /** Flushes both streams, tells the exit code and closes the channel. */
  async close(exitCode: number): Promise<void> {
    await Promise.all([ended(this.stdout), ended(this.stderr)]);
    if (this.#gone.aborted) return;
    this.#channel.exit(exitCode);
    this.#channel.end();
  }

  #sinkTo(target: Writable): Writable {
    return new Writable({
      highWaterMark: 64 * 1024,
      write: (chunk: Buffer, _encoding, done) => {
        this.#last = this.#last.then(() => this.#send(target, chunk));
        void this.#last.then(() => done());
      },
    });
  }

  #send(target: Writable, chunk: Buffer): Promise<void> {
    if (this.#gone.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const onGone = () => resolve();
      this.#gone.addEventListener("abort", onGone, { once: true });
      target.write(chunk, () => {
        this.#gone.removeEventListener("abort", onGone);
        for (const field of ["_chunk", "_chunkcb", "_chunkErr", "_chunkcbErr"])
          Reflect.set(this.#channel, field, undefined);
        resolve();
      });
    });
  }
}

function ended(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.end(() => resolve());
  });
}
