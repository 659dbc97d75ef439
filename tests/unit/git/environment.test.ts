import { expect, test } from "vitest";
import { gitEnvironment } from "../../../server/git/environment.ts";
import { protocolEnvironment } from "../../../server/git/serve.ts";
import { Landings } from "../../../server/git/landings.ts";
import { Turns } from "../../../server/git/turns.ts";

test("git sees how to reach the network and nothing else of the daemon's environment", () => {
  const env = {
    PATH: "/bin",
    https_proxy: "http://proxy:1",
    PAAS_TOKEN: "secret",
    GIT_DIR: "/x",
    GIT_SSH_COMMAND: "id",
    LD_PRELOAD: "x",
  };
  const seen = gitEnvironment(env, { GIT_PROTOCOL: "version=2" });
  expect(seen).toMatchObject({
    PATH: "/bin",
    https_proxy: "http://proxy:1",
    GIT_PROTOCOL: "version=2",
    GIT_TERMINAL_PROMPT: "0",
  });
  for (const name of ["PAAS_TOKEN", "GIT_DIR", "GIT_SSH_COMMAND", "LD_PRELOAD"]) expect(seen).not.toHaveProperty(name);
});

test("a protocol version is passed on only in its own form", () => {
  expect(protocolEnvironment("version=2")).toEqual({ GIT_PROTOCOL: "version=2" });
  for (const asked of [undefined, "", "version=2\nX=1", "$(id)"]) expect(protocolEnvironment(asked)).toEqual({});
});

test("work of one key runs in turn, a failure does not stop the next", async () => {
  const turns = new Turns();
  const order: string[] = [];
  const first = turns.run("a", async () => {
    await Promise.resolve();
    order.push("first");
    throw new Error("no");
  });
  const second = turns.run("a", async () => order.push("second"));
  const other = turns.run("b", async () => order.push("other"));
  await expect(first).rejects.toThrow("no");
  await Promise.all([second, other]);
  expect(order).toEqual(["other", "first", "second"]);
});

test("a push waits for the landings before it, and for no other app's", async () => {
  const landings = new Landings();
  const first = landings.enter("a");
  const second = landings.enter("a");
  await landings.enter("b").turn;
  let isTurn = false;
  const turn = second.turn.then(() => (isTurn = true));
  await first.turn;
  expect(isTurn).toBe(false);
  first.end();
  await turn;
  second.end();
  await landings.enter("a").turn;
});
