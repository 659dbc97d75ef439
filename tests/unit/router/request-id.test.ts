import { expect, test } from "vitest";
import { RequestId } from "../../../server/router/http1/request-id.ts";

test("new ids are UUIDs of version 4, and no two are the same", () => {
  const id = new RequestId();
  const seen = new Set<string>();
  for (let i = 0; i < 1_000; i++) {
    id.renew();
    expect(id.toString()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    seen.add(id.toString());
  }
  expect(seen.size).toBe(1_000);
});

test("a client's id is kept until the next request, and one that is none is not", () => {
  const id = new RequestId();
  const bytes = Buffer.from("x-request-id: some/own+id=0123456789\r\n");
  expect(id.take(bytes, 14, bytes.length - 2)).toBe(true);
  expect([id.toString(), id.toString()]).toEqual(["some/own+id=0123456789", "some/own+id=0123456789"]);
  expect(id.take(Buffer.from("short"), 0, 5)).toBe(false);
  id.renew();
  expect(id.toString()).toHaveLength(36);
});
