import fc from "fast-check";
import { expect, test } from "vitest";
import {
  encodeChunks,
  encodeFrame,
  FrameDecoder,
  frameType,
  maxFrameBytes,
  type Frame,
  type FrameType,
} from "../../../server/core/frames.ts";

const types = fc.constantFrom(...(Object.values(frameType) as FrameType[]));

test("frames survive any cut of the bytes that carry them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ type: types, payload: fc.uint8Array({ maxLength: 200 }) }), { maxLength: 10 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ type, payload }) => encodeFrame(type, payload)));
        const decoder = new FrameDecoder();
        const got: Frame[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          const size = cuts[i % cuts.length] ?? 1;
          got.push(...decoder.push(bytes.subarray(at, at + size)));
          at += size;
        }
        const plain = ({ type, payload }: Frame) => [type, ...payload];
        expect(got.map(plain)).toEqual(frames.map(plain));
      },
    ),
  );
});

test("a chunk longer than a frame travels in several", () => {
  const chunk = new Uint8Array(maxFrameBytes * 2 + 1).fill(7);
  const frames = encodeChunks(frameType.stdout, chunk).flatMap((frame) => new FrameDecoder().push(frame));
  expect(frames.map(({ payload }) => payload.length)).toEqual([maxFrameBytes, maxFrameBytes, 1]);
});

test.each([
  ["an unknown type", [9, 0, 0, 0, 0]],
  ["a length beyond the limit", [1, 255, 255, 255, 255]],
])("%s is refused at once, before its payload is waited for", (_what, bytes) => {
  expect(() => new FrameDecoder().push(Uint8Array.from(bytes))).toThrow(RangeError);
});
