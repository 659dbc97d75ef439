import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer, json, text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { openApiPort, openApiSocket } from "../../../server/api/start.ts";
import { waitFor } from "../../../server/core/time.ts";
import { fakeApi, tokens } from "../../support/fake-api.ts";
import { fakeState } from "../../support/fake-platform.ts";
import { startTestApi } from "./setup.ts";

const basic = `Basic ${Buffer.from(`paas:${tokens.ann}`).toString("base64")}`;

function request(options: http.RequestOptions, body?: Buffer): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    http.request(options, resolve).once("error", reject).end(body);
  });
}

test("only the owner can open the socket, and who does is the owner", async () => {
  await using api = await startTestApi(fakeState());
  expect((await stat(api.socketPath)).mode & 0o777).toBe(0o600);
  const response = await request({ socketPath: api.socketPath, path: "/v1/whoami" });
  expect(await json(response)).toEqual({ kind: "owner", name: "owner", role: "admin" });
});

test("the port is on loopback and wants a token", async () => {
  await using api = await startTestApi(fakeState());
  const response = await request({ host: "127.0.0.1", port: api.port, path: "/v1/whoami" });
  expect(response.statusCode).toBe(401);
  response.resume();
});

test("a socket that a killed daemon left is replaced, and none is left behind", async () => {
  const home = await mkdtemp(path.join(tmpdir(), "paas-api-"));
  const socketPath = path.join(home, "paasd.sock");
  await writeFile(socketPath, "");
  const running = await openApiSocket(fakeApi(fakeState()), socketPath);
  expect((await request({ socketPath, path: "/healthz" })).statusCode).toBe(200);
  await running[Symbol.asyncDispose]();
  await expect(stat(socketPath)).rejects.toThrow("ENOENT");
  await rm(home, { recursive: true });
});

test("a port that is taken is an error", async () => {
  await using api = await startTestApi(fakeState());
  await expect(openApiPort(fakeApi(fakeState()), api.port)).rejects.toThrow("EADDRINUSE");
});

test("git gets its request as it came, of any length, with the actor of the token", async () => {
  const sizes: string[] = [];
  await using api = await startTestApi(fakeState(), {
    gitHttp: async (incoming, outgoing, actor) => {
      sizes.push(`${actor.name} ${incoming.url} ${(await buffer(incoming)).length}`);
      outgoing.end("done");
    },
  });
  const headers = { authorization: basic, "content-type": "application/x-git-receive-pack-request" };
  const target = {
    host: "127.0.0.1",
    port: api.port,
    path: "/shop.git/git-receive-pack",
    method: "POST",
    headers,
  };
  const response = await request(target, Buffer.alloc(5_000_000));
  expect(await text(response)).toBe("done");
  expect(sizes).toEqual(["ann /shop.git/git-receive-pack 5000000"]);
});

test("a stopping daemon does not wait for a client that never ends", async () => {
  const state = fakeState("shop");
  const shutdown = new AbortController();
  const api = await startTestApi(state, { shutdown: shutdown.signal });
  const response = await request({ socketPath: api.socketPath, path: "/v1/apps/shop/logs?tail=true" });
  const body = text(response);
  shutdown.abort(new Error("stopping"));
  await api[Symbol.asyncDispose]();
  expect(JSON.parse((await body).trim())).toEqual({ type: "result", ok: true });
});

test("the first line of a job arrives while it works, not at its end", async () => {
  const state = fakeState("shop");
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  await using api = await startTestApi(state);
  const headers = { "content-type": "application/json" };
  const target = { socketPath: api.socketPath, path: "/v1/apps/shop/scale", method: "POST", headers };
  const response = await request(target, Buffer.from('{"counts":{"web":2}}'));
  let got = "";
  response.on("data", (chunk) => (got += chunk.toString()));
  await waitFor(() => got.includes("Scaling"), { every: 5, signal: AbortSignal.timeout(10_000) });
  expect(got).not.toContain("result");
  gate.resolve();
  await waitFor(() => got.includes('"ok":true'), { every: 5, signal: AbortSignal.timeout(10_000) });
});
