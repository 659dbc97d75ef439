import { expect, test } from "vitest";
import { soak, trend } from "../../soak/soak.ts";

const requests = Number(process.env["SOAK_REQUESTS"] ?? 12_000);

test("thousands of requests of all kinds leave the router's memory as it was; `node tests/soak/router.ts` takes more", async () => {
  const { wrong, samples } = await soak(requests);
  expect(wrong).toEqual([]);
  const { gainBytes, endBytes } = trend(samples);
  // What every request left behind would be seen: 2 KB of each are 16 MB.
  expect(gainBytes).toBeLessThan(0.15 * endBytes);
});
