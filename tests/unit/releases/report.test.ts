import { expect, test } from "vitest";
import { parseAppName, parseProcessType } from "../../../server/core/ids.ts";
import type { FormationEntry } from "../../../server/core/types.ts";
import { deployedLine, StepTimes } from "../../../server/releases/report.ts";

const shop = { name: parseAppName("shop"), stopped: false };
const url = "http://shop.example.test";

function formation(counts: Readonly<Record<string, number>>): readonly FormationEntry[] {
  return Object.entries(counts).map(([type, count]) => ({
    ...{ type: parseProcessType(type), count },
    ...{ memoryMb: 512, cpus: 1 },
  }));
}

test("a deploy that answers requests ends with its URL", () => {
  expect(deployedLine(shop, 3, formation({ web: 2, worker: 0 }), url)).toBe(`v3 deployed: ${url}`);
  expect(deployedLine(shop, 3, formation({ web: 1 }), undefined)).toBe("v3 deployed: it has no route yet");
});

test.each([
  [{ worker: 0 }, "v3 deployed, but no instance runs; start it with: paas ps:scale worker=1 -a shop"],
  [{ web: 0, worker: 0 }, "v3 deployed, but no instance runs; start it with: paas ps:scale web=1 -a shop"],
  [{ web: 0, worker: 1 }, "v3 deployed, but web is scaled to 0; start it with: paas ps:scale web=1 -a shop"],
  [{ worker: 1 }, "v3 deployed; it has no web process, so it answers no requests"],
  [{}, "v3 deployed, but it has no process that runs: add a web line to the Procfile"],
])("a deploy with %j names no URL, for nothing would answer there", (counts, line) => {
  expect(deployedLine(shop, 3, formation(counts), url)).toBe(line);
});

test("a deploy of a stopped app says how to start it", () => {
  const line = 'v3 deployed, but "shop" is stopped; start it with: paas ps:start -a shop';
  expect(deployedLine({ ...shop, stopped: true }, 3, formation({ web: 1 }), url)).toBe(line);
});

test("the seconds of a deploy are told by step, the longer parts of a build with it", async () => {
  let now = 0;
  const times = new StepTimes(() => now);
  const take = (name: string, ms: number) => times.measure(name, async () => void (now += ms));
  await take("checkout", 100);
  await take("build", 1700);
  await take("predeploy", 0);
  await take("start", 900);
  times.parts("build", [
    { step: "available versions", ms: 3 },
    { step: "npm ci", ms: 1200 },
    { step: "make the droplet", ms: 300 },
  ]);
  expect(String(times)).toBe("checkout 0.1s, build 1.7s (npm ci 1.2s, make the droplet 0.3s), start 0.9s: 2.7s in all");
});
