import { expect, test } from "vitest";
import type { LogLine } from "../../../server/core/types.ts";
import { waitFor } from "../../../server/core/time.ts";
import { fakeApi } from "../../support/fake-api.ts";
import { fakePlatform, fakeState } from "../../support/fake-platform.ts";
import { ask, recordsOf } from "./request.ts";

const line: LogLine = { at: 1_328_607_786_123.456, source: "app", process: "web.1", text: "hello" };

test("a long verb streams its lines and closes with its value", async () => {
  const response = await ask(fakeApi(fakeState("shop")), "/v1/apps/shop/rollback", { method: "POST", json: {} });
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  expect(await recordsOf(response)).toEqual([
    { type: "line", text: "-----> Rolling back" },
    { type: "result", ok: true, value: { version: 4 } },
  ]);
});

test("a long verb that fails closes with the error, after what it had to say", async () => {
  const response = await ask(fakeApi(fakeState("shop")), "/v1/apps/shop?confirm=other", { method: "DELETE" });
  const error = expect.objectContaining({ code: "APP_CONFIRM_MISMATCH", status: 422 }) as unknown;
  expect(await recordsOf(response)).toEqual([{ type: "result", ok: false, error }]);
});

test("an error outside the catalogue closes the stream with a reference", async () => {
  const state = fakeState("shop");
  const platform = fakePlatform(state);
  const processes = { ...platform.processes, stop: () => Promise.reject(new Error("hunter2")) };
  const api = fakeApi(state, { platform: { ...platform, processes } });
  const records = await recordsOf(await ask(api, "/v1/apps/shop/stop", { method: "POST" }));
  expect(records).toEqual([
    { type: "result", ok: false, error: expect.objectContaining({ code: "INTERNAL" }) as unknown },
  ]);
  expect(JSON.stringify(records)).not.toContain("hunter2");
});

test("a client that goes away does not end the job", async () => {
  const state = fakeState("shop");
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const json = { counts: { web: 2 } };
  const response = await ask(fakeApi(state), "/v1/apps/shop/scale", { method: "POST", json });
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel();
  gate.resolve();
  await waitFor(() => state.done.length > 0, { every: 5, signal: AbortSignal.timeout(5000) });
  expect(state.done).toEqual(['scale shop {"web":2} by ann']);
});

test("the recent log is a stream too, so that it can be long", async () => {
  const state = fakeState("shop");
  state.logLines = [line, { ...line, text: "again" }];
  const records = await recordsOf(await ask(fakeApi(state), "/v1/apps/shop/logs"));
  expect(records).toEqual([
    { type: "log", line },
    { type: "log", line: { ...line, text: "again" } },
    { type: "result", ok: true },
  ]);
});

test("a client that goes away ends its tail", async () => {
  const state = fakeState("shop");
  state.logLines = [line];
  const response = await ask(fakeApi(state), "/v1/apps/shop/logs?tail=true");
  const reader = response.body?.getReader();
  await reader?.read();
  expect(state.done).toEqual([]);
  await reader?.cancel();
  await waitFor(() => state.done.includes("tail ended"), { every: 5, signal: AbortSignal.timeout(5000) });
});

test("a daemon that stops closes a tail properly", async () => {
  const state = fakeState("shop");
  const shutdown = new AbortController();
  const response = await ask(fakeApi(state, { shutdown: shutdown.signal }), "/v1/apps/shop/logs?tail=true");
  shutdown.abort(new Error("stopping"));
  expect(await recordsOf(response)).toEqual([{ type: "result", ok: true }]);
});
