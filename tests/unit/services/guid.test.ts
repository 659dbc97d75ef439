import { expect, test } from "vitest";
import { stableGuid } from "../../../server/services/guid.ts";

test("a guid is a version 5 UUID, always the same for one id and kind, and another for any other", () => {
  const guid = stableGuid("service", "a1b2c3");
  expect(guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(stableGuid("service", "a1b2c3")).toBe(guid);
  expect(new Set([guid, stableGuid("binding", "a1b2c3"), stableGuid("service", "a1b2c4")]).size).toBe(3);
});
