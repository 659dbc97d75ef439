import { expect, test } from "vitest";
import { bodyLimit } from "../../../../server/router/policy/body-limit.ts";
import { contains, ipFilter, networks } from "../../../../server/router/policy/ip-filter.ts";
import { clientNetwork, keyOf, RateLimiter, rateLimit } from "../../../../server/router/policy/rate-limit.ts";
import { answers, fieldOf, pass, refusal, requestHead } from "./heads.ts";

const from = (clientAddress: string) => requestHead("/", {}, { clientAddress });

test("a denied network wins over an allowed one; with an allowed one all others are refused", async () => {
  const filter = ipFilter(["10.0.0.0/8", "2001:db8::/32"], ["10.1.0.0/16"], answers);
  await pass(filter, from("10.2.3.4"));
  await pass(filter, from("2001:db8::1"));
  for (const address of ["10.1.2.3", "192.0.2.1", "2001:db9::1", "", "nonsense"]) {
    expect((await refusal(filter, from(address))).status).toBe(403);
  }
  const denies = ipFilter([], ["192.0.2.7"], answers);
  await pass(denies, from("192.0.2.8"));
  expect((await refusal(denies, from("192.0.2.7"))).code).toBe("ip_denied");
});

test("an IPv4 client over an IPv6 socket is an IPv4 client", () => {
  expect(contains(networks(["192.0.2.0/24"]), "::ffff:192.0.2.9")).toBe(true);
});

test("a burst of the limit passes, then one per interval, and Retry-After says when", async () => {
  let now = 0;
  const limited = rateLimit({ requests: 2, perMs: 10_000, by: "client" }, new RateLimiter(), answers, () => now);
  await pass(limited, requestHead());
  await pass(limited, requestHead());
  const answer = await refusal(limited, requestHead());
  expect([answer.status, fieldOf(answer, "retry-after"), answer.code]).toEqual([429, "5", "rate_limited"]);
  await pass(limited, from("192.0.2.8"));
  now = 5_000;
  await pass(limited, requestHead());
  await refusal(limited, requestHead());
});

test("over a long time no more pass than the limit allows", () => {
  const limiter = new RateLimiter();
  let passed = 0;
  for (let now = 0; now <= 60_000; now += 7) {
    if (limiter.take("a", { requests: 10, perMs: 1_000 }, now) === undefined) passed += 1;
  }
  expect(passed).toBeLessThanOrEqual(610);
  expect(passed).toBeGreaterThan(595);
});

test("workers that tell each other what they gave let through one limit, and what both gave at once is a debt", () => {
  const limit = { requests: 4, perMs: 4_000 };
  let tellings = 0;
  const [here, there] = [new RateLimiter(() => (tellings += 1)), new RateLimiter(() => {})];
  const passed = (limiter: RateLimiter, now: number) =>
    Array.from({ length: 10 }, () => limiter.take("a", limit, now)).filter((wait) => wait === undefined).length;
  expect([passed(here, 0), passed(there, 0), tellings]).toEqual([4, 4, 1]);
  const [told, answered] = [here.tell(), there.tell()];
  expect([told, here.tell()]).toEqual([[["a", 4_000]], []]);
  there.hear(told, 0);
  here.hear(answered, 0);
  // Eight were given in place of four: the next is due when nine would be.
  for (const limiter of [here, there]) {
    expect(limiter.take("a", limit, 4_900)).toBeCloseTo(100);
    expect(limiter.take("b", limit, 4_900)).toBeUndefined();
  }
  expect(passed(here, 5_000)).toBe(1);
});

test("the keys that are remembered are bounded", () => {
  const limiter = new RateLimiter();
  for (let i = 0; i < 150_000; i++) limiter.take(String(i), { requests: 1, perMs: 1e9 }, 0);
  expect(limiter.size).toBeLessThanOrEqual(100_000);
  expect(limiter.take("149999", { requests: 1, perMs: 1e9 }, 0)).toBeDefined();
});

test("who shares a bucket: a client, all, a header, a cookie, a parameter", () => {
  const head = requestHead("/a?key=q", { "x-api-key": "h", cookie: "a=1; sid=c" });
  expect(keyOf("client", head)).toBe("client 192.0.2.7");
  expect(keyOf("route", head)).toBe("route");
  expect(keyOf("header:X-Api-Key", head)).toBe("header:X-Api-Key h");
  expect(keyOf("cookie:sid", head)).toBe("cookie:sid c");
  expect(keyOf("query:key", head)).toBe("query:key q");
  expect(keyOf("header:x-none", head)).toBe("client 192.0.2.7");
  expect(clientNetwork("2001:db8:1:2:3::9")).toBe("2001:db8:1:2::/64");
  expect(clientNetwork("2001:db8::9")).toBe(clientNetwork("2001:db8:0:0:1::1"));
});

test("a body that tells that it is too long is refused", async () => {
  const limit = bodyLimit(10, answers);
  await pass(limit, requestHead("/", { "content-length": "10" }));
  expect((await refusal(limit, requestHead("/", { "content-length": "11" }))).status).toBe(413);
});
