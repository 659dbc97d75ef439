import { expect, test } from "vitest";
import { checkCredentials } from "../../../server/services/user-provided.ts";

test("one JSON object is accepted, with or without a URL", () => {
  for (const credentials of [{}, { uri: "smtp://mail" }, { token: "t\nwith a line end" }, { nested: { list: [1] } }]) {
    expect(() => checkCredentials("mail", credentials)).not.toThrow();
  }
});

test("what cannot stand in an environment is refused with the reason", () => {
  const refused = (credentials: Record<string, unknown>) => () => checkCredentials("mail", credentials);
  expect(refused({ uri: "smtp://mail\0" })).toThrow("their uri holds a control character");
  expect(refused({ blob: "x".repeat(70_000) })).toThrow("65536 is the limit");
  expect(refused(["a"] as unknown as Record<string, unknown>)).toThrow("they are not a JSON object");
});
