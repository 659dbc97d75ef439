import { expect, test } from "vitest";
import { FrameReader } from "../../../../server/router/http2/frame-reader.ts";
import { frame } from "../../../support/http2-frames.ts";

/** Writes down what it is told. */
function recorded(bytes: Buffer, step: number): string[] {
  const told: string[] = [];
  let content = "";
  const reader = new FrameReader({
    frame: (type, flag, stream, buf, start, end) => {
      told.push(`${type} ${flag} ${stream} ${buf.toString("latin1", start, end)}`);
    },
    dataBegins: (flag, stream, length) => {
      content = `data ${flag} ${stream} ${length} `;
    },
    data: (buf, start, end) => {
      content += buf.toString("latin1", start, end);
    },
    dataEnds: () => told.push(content),
    broken: (code) => told.push(`broken ${code}`),
  });
  for (let p = 0; p < bytes.length; p += step) {
    // A buffer of its own each time, which is written over afterwards: what is lent is gone.
    const part = Buffer.from(bytes.subarray(p, p + step));
    reader.read(part, 0, part.length);
    part.fill(0);
  }
  return told;
}

test("frames are the same, however their bytes come", () => {
  const padded = Buffer.concat([Buffer.from([3]), Buffer.from("abc"), Buffer.alloc(3)]);
  const bytes = Buffer.concat([
    frame(4, 0, 0, Buffer.from("settings")),
    frame(1, 4, 1, Buffer.from("head")),
    frame(0, 0, 1, Buffer.from("hello")),
    frame(0, 1, 1),
    frame(0, 8, 3, padded),
    frame(0, 8, 3, Buffer.from([0])),
    frame(6, 0, 0, Buffer.from("12345678")),
    frame(99, 255, 0x7fffffff, Buffer.alloc(0)),
  ]);
  const all = [
    "4 0 0 settings",
    "1 4 1 head",
    "data 0 1 5 hello",
    "data 1 1 0 ",
    "data 8 3 7 abc",
    "data 8 3 1 ",
    "6 0 0 12345678",
    "99 255 2147483647 ",
  ];
  for (let step = 1; step <= bytes.length; step++) expect([step, recorded(bytes, step)]).toEqual([step, all]);
});

test.each([
  ["too large", frame(1, 4, 1, Buffer.alloc(16_385)), "broken 6"],
  ["more padding than payload", frame(0, 8, 1, Buffer.from([3, 1, 2])), "broken 1"],
  ["padding without its length", frame(0, 8, 1), "broken 6"],
])("%s: nothing is read behind it", (_name, bytes, verdict) => {
  const following = Buffer.concat([bytes, frame(6, 0, 0, Buffer.from("12345678"))]);
  for (const step of [1, 7, following.length]) expect(recorded(following, step)).toEqual([verdict]);
});
