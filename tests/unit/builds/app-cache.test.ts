import { expect, test } from "vitest";
import { layerScope, purgedOnce, unpurged } from "../../../server/builds/app-cache.ts";
import type { AppId, SpaceName } from "../../../server/core/ids.ts";

const app = (id: string, space = "default") => ({ id: id as AppId, space: space as SpaceName });

test("apps of a space share layers until one is purged, which then takes none of before and none of others", () => {
  expect(layerScope(app("a"), unpurged)).toBe(layerScope(app("b"), unpurged));
  expect(layerScope(app("a"), unpurged)).not.toBe(layerScope(app("a", "other"), unpurged));
  const once = purgedOnce(unpurged);
  const scopes = [unpurged, once, purgedOnce(once)].map((state) => layerScope(app("a"), state));
  expect(new Set([...scopes, layerScope(app("b"), once)]).size).toBe(4);
  expect(once.freshSteps).toBe(true);
});
