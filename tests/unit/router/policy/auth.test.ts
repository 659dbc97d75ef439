import { scryptSync } from "node:crypto";
import { expect, test } from "vitest";
import { basicAuth, parseBasic } from "../../../../server/router/policy/basic-auth.ts";
import { forwardAuth } from "../../../../server/router/policy/forward-auth.ts";
import type { Field } from "../../../../server/router/middleware.ts";
import { answerHead } from "../../../../server/router/policy/overlay.ts";
import { answers, fieldOf, pass, refusal, requestHead } from "./heads.ts";

const salt = Buffer.from("0123456789abcdef");
const hash = `scrypt$1024$8$1$${salt.toString("base64")}$${scryptSync("pä:ss", salt, 32, { N: 1024, r: 8, p: 1 }).toString("base64")}`;
const basic = (text: string) => requestHead("/", { authorization: `Basic ${Buffer.from(text).toString("base64")}` });

test("name and password are asked for, checked, and not handed on", async () => {
  const auth = basicAuth([{ name: "ann", hash }], "shop", answers);
  const challenge = await refusal(auth, requestHead());
  expect([challenge.status, fieldOf(challenge, "www-authenticate")]).toEqual([
    401,
    'Basic realm="shop", charset="UTF-8"',
  ]);
  const edit = { remove: ["authorization"], set: [["X-Forwarded-User", "ann"]] };
  expect((await pass(auth, basic("ann:pä:ss"))).edit).toEqual(edit);
  // From memory, without waiting.
  expect(auth.request(basic("ann:pä:ss"))).toEqual({ kind: "pass", edit });
  for (const wrong of ["ann:pass", "ann:", "bob:pä:ss", ":", "ann"]) {
    expect((await refusal(auth, basic(wrong))).status).toBe(401);
  }
});

test.each(["Bearer abc", "Basic", "Basic !!", `Basic ${Buffer.from("a\nb:c").toString("base64")}`, ""])(
  "%s is no name and password",
  (header) => expect(parseBasic(header)).toBeUndefined(),
);

const settings = { url: "http://auth.test/check?a=1", copyHeaders: ["X-User"] };

test("a service that says yes names the user; what the client wrote there is gone", async () => {
  let asked: readonly Field[] = [];
  const auth = forwardAuth(settings, answers, async (_url, request) => {
    asked = request.fields;
    return {
      status: 204,
      body: Buffer.alloc(0),
      fields: [
        ["x-user", "ann"],
        ["set-cookie", "s=1"],
        ["x-other", "no"],
      ],
    };
  });
  const verdict = await pass(auth, requestHead("/a?b", { "x-user": "root", cookie: "c=1", "x-secret": "no" }));
  expect(verdict.edit).toEqual({ remove: ["x-user"], add: [["x-user", "ann"]] });
  expect(verdict.onAnswer?.(answerHead(200, []))).toEqual({ add: [["set-cookie", "s=1"]] });
  expect(Object.fromEntries(asked)).toMatchObject({
    Host: "auth.test",
    "X-Forwarded-Method": "GET",
    "X-Forwarded-Host": "shop.test",
    "X-Forwarded-Uri": "/a?b",
    cookie: "c=1",
  });
  expect(Object.fromEntries(asked)).not.toHaveProperty("x-secret");
});

test("a service that says no answers itself; one that does not answer lets nobody in", async () => {
  const auth = forwardAuth(settings, answers, async () => ({
    status: 302,
    body: Buffer.from("login"),
    fields: [
      ["Location", "http://auth.test/login"],
      ["Connection", "close"],
      ["Transfer-Encoding", "chunked"],
    ],
  }));
  const answer = await refusal(auth, requestHead());
  expect(answer).toEqual({
    status: 302,
    body: Buffer.from("login"),
    fields: [
      ["Location", "http://auth.test/login"],
      ["Content-Length", "5"],
    ],
  });
  const dead = forwardAuth(settings, answers, () => Promise.reject(new Error("refused")));
  expect((await refusal(dead, requestHead())).code).toBe("auth_unavailable");
});
