import type { Duplex } from "node:stream";
import type { TaskStreams } from "../api/platform.ts";
import { FrameReader } from "./frames.ts";

/** A sequence that no one types: the engine's default, ctrl-p ctrl-q, would hold back every ctrl-p. */
export const detachKeys = "ctrl-_,ctrl-^,ctrl-_,ctrl-^,ctrl-_,ctrl-^";

type Outputs = Pick<TaskStreams, "stdout" | "stderr" | "tty">;

/** Hands over everything that comes. Resolves when there is no more, however that came about. */
export function pumpOutput(socket: Duplex, streams: Outputs): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const reader = new FrameReader();
  socket.on("data", (chunk: Buffer) => {
    if (streams.tty) return streams.stdout(chunk);
    for (const { stream, bytes } of reader.push(chunk)) {
      if (stream === "e") streams.stderr(bytes);
      else streams.stdout(bytes);
    }
  });
  socket.on("end", () => resolve());
  socket.on("close", () => resolve());
  socket.on("error", () => resolve());
  return promise;
}

/** Passes input on, its end too. A reader that has had enough is no error. */
export function pumpInput(stdin: NodeJS.ReadableStream, socket: Duplex): void {
  socket.on("error", () => stdin.unpipe(socket));
  stdin.on("error", () => socket.destroy());
  stdin.pipe(socket);
}
