import { expect, test } from "vitest";
import { RouteServiceGate } from "../../../../server/router/policy/route-service.ts";
import { answers, pass, refusal, requestHead } from "./heads.ts";

let now = 1_000_000;
const key = (byte: number) => Buffer.alloc(32, byte).toString("base64");
const gate = (byte = 1, url = "https://waf.test:8443/in?x=1") =>
  new RouteServiceGate({ url, key: key(byte) }, () => now);

/** What the service gets, as the fields of a request. */
async function sent(target = "/a?b=1"): Promise<Record<string, string>> {
  const { edit } = await pass(gate().middleware(answers), requestHead(target));
  return Object.fromEntries((edit?.set ?? []).map(([name, value]) => [name.toLowerCase(), value]));
}

test("a request goes out to the service, signed, with the address to call back", async () => {
  const { edit } = await pass(gate().middleware(answers), requestHead("/a?b=1"));
  expect(edit?.target).toBe("/in?x=1");
  expect(Object.fromEntries(edit?.set ?? [])).toMatchObject({
    Host: "waf.test:8443",
    "X-CF-Forwarded-Url": "http://shop.test/a?b=1",
  });
  expect(gate().target).toMatchObject({ host: "waf.test", port: 8443, tls: { servername: "waf.test" } });
  expect(gate(1, "http://[::1]/").target).toMatchObject({ host: "::1", port: 80 });
});

test("what comes back with the signature goes to the app, without it", async () => {
  const { host: _host, ...fields } = await sent();
  const back = requestHead("/a?b=1&added=2", fields);
  expect(gate().legOf(back)).toBe("back");
  const { edit } = await pass(gate().middleware(answers), back);
  expect(edit?.remove).toEqual(["x-cf-forwarded-url", "x-cf-proxy-signature", "x-cf-proxy-metadata"]);
});

test("a signature is for one host and path, one key and one minute", async () => {
  const { host: _host, ...fields } = await sent();
  const middleware = gate().middleware(answers);
  const changes: readonly Record<string, string>[] = [
    { "x-cf-proxy-signature": "AAAA" },
    { "x-cf-proxy-metadata": "e30" },
    { "x-cf-forwarded-url": "http://shop.test/other" },
  ];
  for (const change of changes) {
    expect((await refusal(middleware, requestHead("/a?b=1", { ...fields, ...change }))).code).toBe("bad_signature");
  }
  expect(gate().legOf(requestHead("/other", fields))).toBe("invalid");
  expect(gate().legOf(requestHead("/a?b=1", fields, { host: "other.test" }))).toBe("invalid");
  expect(gate(2).legOf(requestHead("/a?b=1", fields))).toBe("invalid");
  now += 60_000;
  expect(gate().legOf(requestHead("/a?b=1", fields))).toBe("back");
  now += 1;
  const late = await refusal(middleware, requestHead("/a?b=1", fields));
  expect([late.status, late.code]).toEqual([504, "expired_signature"]);
});
