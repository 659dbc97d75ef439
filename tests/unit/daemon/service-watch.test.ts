import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { silentLog } from "../../../server/core/log.ts";
import { startServiceWatch } from "../../../server/daemon/service-watch.ts";

function counting(workMs: number) {
  const seen = { looks: 0, atOnce: 0, most: 0 };
  const reconcile = async () => {
    seen.looks += 1;
    seen.atOnce += 1;
    seen.most = Math.max(seen.most, seen.atOnce);
    await delay(workMs);
    seen.atOnce -= 1;
  };
  return { seen, reconcile };
}

test("many events make one look, and one more for what came during it", async () => {
  const { seen, reconcile } = counting(30);
  await using watch = startServiceWatch({ reconcile, log: silentLog, restMs: 5 });
  for (let i = 0; i < 10; i += 1) watch.trigger();
  await delay(20);
  for (let i = 0; i < 10; i += 1) watch.trigger();
  await delay(120);
  expect(seen).toMatchObject({ looks: 2, most: 1 });
});

test("without any event it looks now and then, also after a look that failed", async () => {
  let looks = 0;
  const reconcile = async () => {
    looks += 1;
    throw new Error("no");
  };
  await using _watch = startServiceWatch({ reconcile, log: silentLog, everyMs: 10, restMs: 1 });
  await delay(100);
  expect(looks).toBeGreaterThan(2);
});
