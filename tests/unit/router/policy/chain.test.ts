import { PassThrough, Transform, type Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { AnswerEdit, Middleware, Verdict } from "../../../../server/router/middleware.ts";
import { chain } from "../../../../server/router/policy/chain.ts";
import { answerHead } from "../../../../server/router/policy/overlay.ts";
import { requestHead } from "./heads.ts";

const middleware = (request: Middleware["request"], rest: Partial<Middleware> = {}): Middleware => ({
  name: "test",
  request,
  ...rest,
});
const run = (middlewares: readonly Middleware[], head = requestHead()) => chain(middlewares)(head);

test("a later middleware sees the edits of the earlier ones, and one edit holds them all", () => {
  const seen: (string | undefined)[] = [];
  const verdict = run(
    [
      middleware(() => ({ kind: "pass", edit: { target: "/b", set: [["X-A", "1"]], remove: ["cookie"] } })),
      middleware((head) => {
        seen.push(head.target, head.header("x-a"), head.header("cookie"));
        return { kind: "pass", edit: { set: [["x-a", "2"]], add: [["X-B", "3"]] } };
      }),
    ],
    requestHead("/a", { cookie: "c=1", "x-a": "0" }),
  ) as Extract<Verdict, { kind: "pass" }>;
  expect(seen).toEqual(["/b", "1", undefined]);
  expect(verdict.edit).toEqual({
    target: "/b",
    remove: ["cookie", "x-a"],
    add: [
      ["x-a", "2"],
      ["X-B", "3"],
    ],
  });
});

test("waits only where a middleware does, and goes on after it", async () => {
  const order: string[] = [];
  const pass = (name: string): Middleware =>
    middleware(() => {
      order.push(name);
      return { kind: "pass" };
    });
  expect(run([pass("a")])).not.toBeInstanceOf(Promise);
  const slow = middleware(async () => {
    await Promise.resolve();
    order.push("slow");
    return { kind: "pass" };
  });
  await run([slow, pass("b")]);
  expect(order).toEqual(["a", "slow", "b"]);
});

test("an own answer ends it: later ones are not asked, what began before is ended, headers are edited", async () => {
  let ended = 0;
  const verdict = await run([
    middleware(() => ({ kind: "pass", onEnd: () => (ended += 1) }), {
      onOwnAnswer: () => ({ set: [["X-Frame-Options", "DENY"]] }),
    }),
    middleware(async () => ({ kind: "answer", answer: { status: 401, fields: [["A", "b"]], body: "" } })),
    middleware(() => {
      throw new Error("asked");
    }),
  ]);
  expect(ended).toBe(1);
  expect(verdict).toEqual({
    kind: "answer",
    answer: {
      status: 401,
      body: "",
      fields: [
        ["A", "b"],
        ["X-Frame-Options", "DENY"],
      ],
    },
  });
});

test("a middleware that fails leaves nothing begun", async () => {
  let ended = 0;
  const begins = middleware(() => ({ kind: "pass", onEnd: () => (ended += 1) }));
  await expect(run([begins, middleware(() => Promise.reject(new Error("no")))])).rejects.toThrow("no");
  expect(ended).toBe(1);
});

const answering = (onAnswer: (status: number, type: string | undefined) => AnswerEdit | undefined): Middleware =>
  middleware(() => ({
    kind: "pass",
    onAnswer: (answer) => onAnswer(answer.status, answer.header("content-type")),
  }));

const upper = (): Duplex =>
  new Transform({ transform: (chunk, _encoding, done) => done(null, String(chunk).toUpperCase()) });

function answered(middlewares: readonly Middleware[]): AnswerEdit | undefined {
  const verdict = run(middlewares) as Extract<Verdict, { kind: "pass" }>;
  return verdict.onAnswer?.(answerHead(200, [["Content-Type", "text/plain"]]));
}

test("hooks on the answer run from the last to the first, each on what the one before made", async () => {
  const seen: (string | undefined)[] = [];
  const edit = answered([
    answering((status, type) => {
      seen.push(String(status), type);
      return { body: upper };
    }),
    answering(() => ({
      status: 201,
      set: [["content-type", "a/b"]],
      body: () => new PassThrough(),
      keepsLength: true,
    })),
  ]);
  expect(seen).toEqual(["201", "a/b"]);
  expect(edit?.status).toBe(201);
  expect(edit?.keepsLength).toBeUndefined();
  const body = edit?.body?.();
  body?.end("hello");
  expect(await text(body as Duplex)).toBe("HELLO");
});

test("after an answer that is replaced, outer ones edit the new head", () => {
  const edit = answered([
    answering((status) => ({ set: [["X-Saw", String(status)]] })),
    answering(() => ({ replace: { status: 304, fields: [["ETag", "1"]], body: "" } })),
  ]);
  expect(edit?.replace).toEqual({
    status: 304,
    body: "",
    fields: [
      ["ETag", "1"],
      ["X-Saw", "304"],
    ],
  });
});
