import { expect, test } from "vitest";
import { crashesAfterExit, restartDelayMs } from "../../../server/scheduler/backoff.ts";
import { describeCause, hintFor } from "../../../server/scheduler/cause.ts";
import type { FailureCause } from "../../../server/scheduler/desired.ts";

const context = { memoryMb: 512, port: 8080, listening: [] };
const unhealthy: FailureCause = { kind: "unhealthy", lastProblem: "nothing listens on port 8080", timeoutMs: 60_000 };

test.each<[FailureCause, string]>([
  [{ kind: "exited", code: 1, oomKilled: false }, "exited with code 1"],
  [{ kind: "exited", code: 139, oomKilled: false }, "was ended by SIGSEGV (exit code 139)"],
  [{ kind: "exited", code: 137, oomKilled: true }, "was killed for memory (limit 512 MB), exit code 137"],
  [unhealthy, "was not healthy within 60 s: nothing listens on port 8080"],
])("%j reads %s", (cause, text) => {
  expect(describeCause(cause, context)).toBe(text);
});

test("a process that listens elsewhere is told where", () => {
  const elsewhere = { ...context, listening: ["0.0.0.0:3000"] };
  expect(describeCause(unhealthy, elsewhere)).toBe(
    "was not healthy within 60 s: it listens on 0.0.0.0:3000, not on PORT (8080)",
  );
  expect(hintFor(unhealthy, "web", elsewhere)).toContain("PORT");
});

test("a path that answers an error is told by its path, not by the port", () => {
  const cause: FailureCause = { kind: "unhealthy", lastProblem: "GET /health answered 404", timeoutMs: 60_000 };
  expect(hintFor(cause, "web", context)).toContain("--path /");
});

test("a process that listens on loopback only is told so", () => {
  const loopback = { ...context, listening: ["127.0.0.1:8080"] };
  expect(describeCause(unhealthy, loopback)).toContain("127.0.0.1:8080, which nobody outside the container can reach");
});

test("memory is answered with more memory", () => {
  expect(hintFor({ kind: "exited", code: 137, oomKilled: true }, "worker", context)).toBe(
    "Give it more memory: paas limits:set worker --memory 1024M",
  );
});

test("restarts come at once first, then further and further apart, up to 16 minutes", () => {
  const delays = [1, 2, 3, 4, 5, 6, 20].map(restartDelayMs);
  expect(delays).toEqual([0, 1000, 2000, 30_000, 60_000, 120_000, 960_000]);
});

test("five good minutes forgive earlier crashes", () => {
  expect(crashesAfterExit(6, 299_999)).toBe(7);
  expect(crashesAfterExit(6, 300_000)).toBe(1);
});
