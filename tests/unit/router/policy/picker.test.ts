import { expect, test } from "vitest";
import type { RequestHead } from "../../../../server/router/middleware.ts";
import type { Candidates, Picked } from "../../../../server/router/policy/compiled-policy.ts";
import { Hold } from "../../../../server/router/policy/hold.ts";
import { createPicker } from "../../../../server/router/policy/picker.ts";
import type { RoutePolicy } from "../../../../server/router/policy/route-policy.ts";
import { Slots } from "../../../../server/router/policy/slots.ts";
import { markOf } from "../../../../server/router/policy/sticky.ts";
import { answerHead } from "../../../../server/router/policy/overlay.ts";
import type { TableRoute, Target } from "../../../../server/router/protocol.ts";
import { requestHead } from "./heads.ts";

const target = (index: number, rest: Partial<Target> = {}): Target => ({
  id: `c${index}`,
  name: `web.${index}`,
  host: "127.0.0.1",
  port: 8080,
  ...rest,
});
const targets = [1, 2, 3].map((index) => target(index));

function candidates(all: readonly Target[] = targets, inFlight: Readonly<Record<string, number>> = {}): Candidates {
  const route: TableRoute = { host: "shop.test", path: "/", app: "shop", appId: "abc", state: "running", targets: all };
  return { route, targets: all, tried: new Set(), arrivedAt: performance.now(), inFlight: (id) => inFlight[id] ?? 0 };
}

const picker = (policy: RoutePolicy, slots = new Slots(), hold?: Hold) =>
  createPicker(policy, { slots, hold, service: undefined, workers: 1 });

type Chosen = Extract<Picked, { kind: "target" }>;
function chosen(picked: Picked | undefined): Chosen {
  if (picked?.kind !== "target") throw new Error(`not chosen: ${JSON.stringify(picked)}`);
  return picked;
}
const nameOf = (picked: Picked | undefined) => chosen(picked).target.name;

test("round robin spreads evenly", () => {
  const one = picker({});
  const counts = new Map<string, number>();
  for (let i = 0; i < 30; i++) {
    const name = nameOf(one.pick(requestHead(), candidates()));
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  expect([...counts.values()]).toEqual([10, 10, 10]);
});

test("least connections takes the one with the fewest, at random among equals", () => {
  const one = picker({ balance: "least-connections" });
  expect(nameOf(one.pick(requestHead(), candidates(targets, { c1: 2, c2: 1, c3: 2 })))).toBe("web.2");
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) seen.add(nameOf(one.pick(requestHead(), candidates(targets, { c3: 1 }))));
  expect([...seen].toSorted()).toEqual(["web.1", "web.2"]);
});

test("a hash leads the same value to the same instance, and moves only what has to move", () => {
  const [one, two] = [picker({ balance: "hash:X-Tenant" }), picker({ balance: "hash:X-Tenant" })];
  const tenants = Array.from({ length: 300 }, (_, i) => requestHead("/", { "x-tenant": `tenant-${i}` }));
  const chosenOf = (all: readonly Target[]) => tenants.map((head) => nameOf(one.pick(head, candidates(all))));
  const before = chosenOf(targets);
  expect(tenants.map((head) => nameOf(two.pick(head, candidates())))).toEqual(before);
  // After a deploy: other containers by the same names.
  expect(chosenOf(targets.map((each) => ({ ...each, id: `new-${each.id}` })))).toEqual(before);
  for (const { name } of targets) expect(before.filter((each) => each === name).length).toBeGreaterThan(60);
  const left = chosenOf(targets.slice(0, 2));
  expect(left.filter((name, i) => name !== before[i] && before[i] !== "web.3")).toEqual([]);
  const names = new Set([1, 2, 3].map(() => nameOf(one.pick(requestHead(), candidates()))));
  expect(names.size).toBe(3);
});

test("weights divide the requests between apps", () => {
  const old = [1, 2].map((index) => target(index, { share: { group: "old", weight: 90 } }));
  const young = [target(3, { share: { group: "new", weight: 10 } })];
  const one = picker({});
  let news = 0;
  for (let i = 0; i < 2_000; i++) {
    if (nameOf(one.pick(requestHead(), candidates([...old, ...young]))) === "web.3") news += 1;
  }
  expect(news).toBeGreaterThan(120);
  expect(news).toBeLessThan(290);
});

test("an instance is reached by index, by name, or not at all", () => {
  const pick = (header: string, value: string) => picker({}).pick(requestHead("/", { [header]: value }), candidates());
  for (let i = 0; i < 5; i++) expect(nameOf(pick("x-cf-app-instance", "abc:1"))).toBe("web.2");
  expect(nameOf(pick("x-cf-app-instance", "shop:0"))).toBe("web.1");
  expect(nameOf(pick("x-cf-process-instance", "abc:2"))).toBe("web.3");
  expect(nameOf(pick("x-cf-process-instance", "abc"))).toMatch(/^web/);
  expect(nameOf(pick("x-paas-instance", "web.3"))).toBe("web.3");
  for (const value of ["abc", "abc:x", ":1", "abc:", "abc:1:2", ""]) {
    expect(pick("x-cf-app-instance", value)).toEqual({ kind: "none", code: "bad_instance" });
  }
  for (const value of ["abc:7", "other:1"]) {
    expect(pick("x-cf-app-instance", value)).toEqual({ kind: "none", code: "unknown_instance" });
  }
  const both = requestHead("/", { "x-cf-app-instance": "abc:0", "x-cf-process-instance": "abc:2" });
  expect(nameOf(picker({}).pick(both, candidates()))).toBe("web.1");
});

test("an instance that was asked for and refused is not said to be unknown", () => {
  const { route, ...rest } = candidates();
  const left = { ...rest, route, targets: targets.slice(1) };
  expect(picker({}).pick(requestHead("/", { "x-paas-instance": "web.1" }), left)).toBeUndefined();
});

const cookieOf = (picked: Picked | undefined, setCookie?: string) => {
  const fields = setCookie === undefined ? [] : [["Set-Cookie", setCookie] as const];
  return chosen(picked).onAnswer?.(answerHead(200, fields))?.add?.[0]?.[1];
};

test("with a cookie of the router's own a client stays, and is told only once", () => {
  const one = picker({ sticky: {} });
  const first = one.pick(requestHead(), candidates());
  const line = cookieOf(first) ?? "";
  expect(line).toBe(`paas_instance=${markOf(chosen(first).target)}; Path=/; HttpOnly; SameSite=Lax`);
  const head = requestHead("/", { cookie: `a=1; ${line.split(";")[0]}` });
  for (let i = 0; i < 5; i++) {
    const again = one.pick(head, candidates());
    expect(nameOf(again)).toBe(nameOf(first));
    expect(cookieOf(again)).toBeUndefined();
  }
  const gone = candidates(targets.filter((other) => other !== chosen(first).target));
  expect(cookieOf(one.pick(head, gone))).toMatch(/^paas_instance=/);
});

test("bound to the app's session: begins with its cookie, copies its attributes, and needs both", () => {
  const one = picker({ sticky: { cookie: "JSESSIONID" } });
  const first = one.pick(requestHead(), candidates());
  const mark = markOf(chosen(first).target);
  expect(cookieOf(first)).toBeUndefined();
  const session =
    "JSESSIONID=1; Path=/x; Expires=Wed, 21 Oct 2026 07:28:00 GMT; SameSite=None; Secure; Partitioned; Max-Age=-1";
  expect(cookieOf(first, session)).toBe(
    `__VCAP_ID__=${mark}; Path=/; HttpOnly; Max-Age=-1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; SameSite=None; Secure; Partitioned`,
  );
  expect(cookieOf(first, "JSESSIONID=1; Max-Age=60")).toBe(`__VCAP_ID__=${mark}; Path=/; HttpOnly`);
  expect(cookieOf(first, "JSESSIONID=1, __VCAP_ID__=app")).toBeUndefined();
  const both: RequestHead = requestHead("/", { cookie: `JSESSIONID=1; __VCAP_ID__=${mark}` });
  for (let i = 0; i < 5; i++) expect(nameOf(one.pick(both, candidates()))).toBe(nameOf(first));
  const alone = requestHead("/", { cookie: `__VCAP_ID__=${mark}` });
  const names = new Set([1, 2, 3].map(() => nameOf(one.pick(alone, candidates()))));
  expect(names.size).toBe(3);
  const gone = candidates(targets.filter((other) => other !== chosen(first).target));
  expect(cookieOf(one.pick(both, gone))).toMatch(/^__VCAP_ID__=/);
});

const limited: RoutePolicy = { concurrency: { perInstance: 1, queue: 1, queueTimeoutMs: 5_000 } };

test("a full instance is passed over; then requests wait in line, then they are refused", async () => {
  const one = picker(limited);
  const two = candidates(targets.slice(0, 2));
  const first = chosen(one.pick(requestHead(), two));
  const second = chosen(one.pick(requestHead(), two));
  expect(first.target).not.toBe(second.target);
  const third = one.pick(requestHead(), two);
  if (third?.kind !== "wait") throw new Error("does not wait");
  expect(one.pick(requestHead(), two)).toEqual({ kind: "none", code: "H11" });
  first.onEnd?.();
  first.onEnd?.();
  await third.until;
  expect(chosen(one.pick(requestHead(), two)).target).toBe(first.target);
});

test("who waits too long or leaves makes room in the line; without a line it is refused at once", async () => {
  const one = picker({ concurrency: { perInstance: 1, queue: 1, queueTimeoutMs: 30 } });
  const single = candidates(targets.slice(0, 1));
  const now = () => ({ ...single, arrivedAt: performance.now() });
  chosen(one.pick(requestHead(), now()));
  const waiting = one.pick(requestHead(), now());
  if (waiting?.kind !== "wait") throw new Error("does not wait");
  await waiting.until;
  expect(one.pick(requestHead(), { ...single, arrivedAt: performance.now() - 31 })).toEqual({
    kind: "none",
    code: "H11",
  });
  const leaving = one.pick(requestHead(), now());
  if (leaving?.kind !== "wait") throw new Error("does not wait");
  leaving.leave();
  expect(one.pick(requestHead(), now())?.kind).toBe("wait");
  const none = picker({ concurrency: { perInstance: 1, queue: 0, queueTimeoutMs: 0 } });
  chosen(none.pick(requestHead(), single));
  expect(none.pick(requestHead(), single)).toEqual({ kind: "none", code: "H22" });
});

test("two routes to one instance share its limit", () => {
  const slots = new Slots();
  const single = candidates(targets.slice(0, 1));
  const first = chosen(picker(limited, slots).pick(requestHead(), single));
  expect(picker(limited, slots).pick(requestHead(), single)?.kind).toBe("wait");
  first.onEnd?.();
  chosen(picker(limited, slots).pick(requestHead(), single));
});

test("a hold keeps requests, also where there is no instance, until it is released or over", async () => {
  const hold = new Hold(Date.now() + 60_000);
  const one = picker({}, new Slots(), hold);
  const held = one.pick(requestHead(), candidates([]));
  if (held?.kind !== "wait") throw new Error("does not wait");
  hold.release();
  await held.until;
  expect(one.pick(requestHead(), candidates([]))).toBeUndefined();
  chosen(one.pick(requestHead(), candidates()));
  const short = new Hold(Date.now() + 20);
  const waiting = short.wait();
  if (waiting?.kind !== "wait") throw new Error("does not wait");
  await waiting.until;
  expect(short.wait()).toBeUndefined();
  expect(new Hold(Date.now() - 1).wait()).toBeUndefined();
});
