import { expect, test } from "vitest";
import { listeningSockets } from "../../../server/docker/listening.ts";
import { splitLogFrames } from "../../../server/docker/log-frames.ts";

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

test("listening sockets are read from the kernel's tables, established ones are not", () => {
  const tcp = `${head}   0: 00000000:0BB8 00000000:0000 0A\n   1: 0100007F:1F90 00000000:0000 0A\n   2: 0100007F:1F90 0100007F:9999 01\n`;
  const tcp6 = `${head}   0: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A\n`;
  expect(listeningSockets([tcp, tcp6])).toEqual(["0.0.0.0:3000", "127.0.0.1:8080", "[::]:8081"]);
});

test("the engine's own name server is left out", () => {
  expect(listeningSockets([`${head}   0: 0B00007F:A000 00000000:0000 0A\n`])).toEqual([]);
});

function frame(stream: number, text: string): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

test("framed output is taken apart into lines, also where a line spans frames", () => {
  const raw = Buffer.concat([frame(1, "one\ntw"), frame(2, "err\n"), frame(1, "o\n")]);
  expect(splitLogFrames(raw)).toEqual(["one", "twerr", "o"]);
});

test("output of a terminal has no frames", () => {
  expect(splitLogFrames(Buffer.from("a\r\nb\r\n"))).toEqual(["a", "b"]);
});
