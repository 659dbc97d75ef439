import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { keepOpen, out, reserve, send } from "../../../server/router/http1/slab.ts";

/** Takes what it is given at once, or never. */
function reader(isStuck: boolean, received: Buffer[] = []): Socket {
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      received.push(isStuck ? chunk : Buffer.from(chunk));
      if (!isStuck) done();
    },
  });
  return stream as unknown as Socket;
}

function say(socket: Socket, text: string, isPlain: boolean): void {
  const at = reserve(text.length);
  out.buffer.write(text, at, "latin1");
  send(socket, isPlain, at, at + text.length);
}

const sockets = [
  { kind: "plain", isPlain: true },
  { kind: "TLS", isPlain: false },
];

test.each(sockets)(
  "a thousand $kind readers who do not take their few bytes keep a few slabs, and their bytes stay theirs",
  ({ isPlain }) => {
    const before = process.memoryUsage().arrayBuffers;
    const taken: Buffer[] = [];
    const waiting: Buffer[][] = [];
    const large = "x".repeat(50_000);
    for (let i = 0; i < 1_000; i++) {
      const own: Buffer[] = [];
      waiting.push(own);
      say(reader(true, own), `message ${i}`, isPlain);
      for (let turn = 0; turn < 4; turn++) say(reader(false, taken), large, isPlain);
      if (!taken.every((bytes) => bytes.length === large.length && bytes.toString("latin1") === large))
        throw new Error("mixed up");
      taken.length = 0;
    }
    expect(waiting.map((own) => Buffer.concat(own).toString())).toEqual(waiting.map((_, i) => `message ${i}`));
    // A slab each would be 160 MB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(60_000_000);
  },
);

test.each(sockets)(
  "a message to a $kind socket that is not sent yet is sent before its place is given to another",
  ({ isPlain }) => {
    const [first, second]: [Buffer[], Buffer[]] = [[], []];
    const [slow, other] = [reader(false, first), reader(false, second)];
    const at = reserve(5);
    out.buffer.write("first", at, "latin1");
    keepOpen({ flush: () => send(slow, isPlain, at, at + 5) });
    say(other, "second", isPlain);
    say(other, "third", isPlain);
    expect([first, second].map((all) => Buffer.concat(all).toString())).toEqual(["first", "secondthird"]);
  },
);
