import { expect, test } from "vitest";
import type { AnswerHead, RequestHead, Verdict } from "../../../server/router/middleware.ts";
import { httpsOnly } from "../../../server/router/policy/https.ts";

function head(change: Partial<RequestHead> = {}): RequestHead {
  return {
    method: "GET",
    target: "/a?b=1",
    host: "shop.test",
    protocol: "http",
    clientAddress: "192.0.2.1",
    requestId: "r",
    header: () => undefined,
    ...change,
  };
}

function answer(field: string | undefined): AnswerHead {
  return { status: 200, header: () => field, fields: () => [] };
}

async function locationOf(policy: Parameters<typeof httpsOnly>[0], change: Partial<RequestHead> = {}) {
  const verdict: Verdict = await httpsOnly(policy).request(head(change));
  if (verdict.kind === "pass") return "pass";
  const { status, fields } = verdict.answer;
  return `${status} ${fields.find(([name]) => name === "Location")?.[1]}`;
}

test("plain requests are sent to the same place by HTTPS; what is no GET keeps its method", async () => {
  expect(await locationOf({ redirect: true })).toBe("301 https://shop.test/a?b=1");
  expect(await locationOf({ redirect: true, port: 8443 })).toBe("301 https://shop.test:8443/a?b=1");
  expect(await locationOf({ redirect: true }, { method: "POST" })).toBe("308 https://shop.test/a?b=1");
  expect(await locationOf({ redirect: true }, { protocol: "https" })).toBe("pass");
  expect(await locationOf({ redirect: false, hstsSeconds: 60 })).toBe("pass");
});

test("a path of the client never becomes a host", async () => {
  expect(await locationOf({ redirect: true }, { target: "//evil.test/" })).toBe("301 https://shop.test//evil.test/");
});

test("HSTS is said by HTTPS only, and not over what the app says itself", async () => {
  const middleware = httpsOnly({ hstsSeconds: 86_400 });
  const secure = await middleware.request(head({ protocol: "https" }));
  const hook = secure.kind === "pass" ? secure.onAnswer : undefined;
  expect(hook?.(answer(undefined))).toEqual({ set: [["Strict-Transport-Security", "max-age=86400"]] });
  expect(hook?.(answer("max-age=1"))).toBeUndefined();
  const plain = await middleware.request(head());
  expect(plain).toEqual({ kind: "pass" });
});
