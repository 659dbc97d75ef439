import { expect, test } from "vitest";
import { FloodGuard } from "../../../../server/router/http2/flood-guard.ts";

const frameBytes = 16_384;
/** Go's client opens the windows of the stream and of the connection for each piece that is read. */
const updatesPerPiece = 2;
const pieceBytes = 4_096;

function isCut(guard: FloodGuard, frames: number): boolean {
  for (let i = 0; i < frames; i++) if (guard.useless()) return true;
  return false;
}

test("a client that reads a large answer in small pieces may open its windows for each", () => {
  const guard = new FloodGuard(performance.now());
  for (let frame = 0; frame < 10_000; frame++) {
    guard.useful(frameBytes);
    expect(isCut(guard, (updatesPerPiece * frameBytes) / pieceBytes)).toBe(false);
  }
});

test("so may one that has a whole window of 64 MB sent before it reads the first piece", () => {
  const guard = new FloodGuard(performance.now());
  const windowBytes = 64 * 1_048_576;
  for (let sent = 0; sent < windowBytes; sent += frameBytes) guard.useful(frameBytes);
  expect(isCut(guard, (updatesPerPiece * windowBytes) / pieceBytes)).toBe(false);
});

test("frames that bring nothing are too many after a thousand", () => {
  expect(isCut(new FloodGuard(performance.now()), 900)).toBe(false);
  expect(isCut(new FloodGuard(performance.now()), 1_100)).toBe(true);
});
