import { once } from "node:events";
import net from "node:net";
import { expect, test } from "vitest";
import { silentLog } from "../../../server/core/log.ts";
import { waitFor } from "../../../server/core/time.ts";
import { Door, type DoorOptions, Doors } from "../../../server/daemon/doors.ts";

const soon = () => ({ every: 5, signal: AbortSignal.timeout(10_000) });

async function listenOn(port: number) {
  const server = net.createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.close();
    await once(server, "close");
  };
  return { port: (server.address() as net.AddressInfo).port, close, [Symbol.asyncDispose]: close };
}

function doorAt(port: number, change: Partial<DoorOptions> = {}): Door {
  const holder = async () => "is held by a test";
  return new Door({
    name: "ssh",
    port,
    listen: () => listenOn(port),
    holder,
    log: silentLog,
    minPauseMs: 5,
    ...change,
  });
}

test("a door is closed until it listens", async () => {
  await using door = doorAt(0);
  expect(door.problem).toBe("ssh on port 0: is not open yet");
  await door.open();
  expect(door.problem).toBeUndefined();
  expect(door.port).toBeGreaterThan(0);
});

test("a port that somebody holds is named, and opened once it is free", async () => {
  const holder = await listenOn(0);
  await using door = doorAt(holder.port);
  await door.open();
  expect(door.problem).toBe(`ssh on port ${holder.port}: is held by a test`);
  await holder.close();
  await waitFor(() => door.problem === undefined, soon());
  await expect(listenOn(holder.port)).rejects.toThrow("EADDRINUSE");
});

test("a door that is given up while its port is held does not open later", async () => {
  const holder = await listenOn(0);
  const door = doorAt(holder.port);
  await door.open();
  await door[Symbol.asyncDispose]();
  await holder.close();
  await using again = await listenOn(holder.port);
  expect(again.port).toBe(holder.port);
});

test("what will not mend itself ends the start", async () => {
  const denied = Object.assign(new Error("not allowed"), { code: "EACCES" });
  await using door = doorAt(22, { listen: () => Promise.reject(denied) });
  await expect(door.open()).rejects.toBe(denied);
});

test("the daemon is ready when ssh, API and router all listen", async () => {
  let isRouterConnected = true;
  const config = { listen: "127.0.0.1", sshPort: 0, apiPort: 0, home: "/nowhere" };
  const doors = new Doors({ config, isRouterConnected: () => isRouterConnected, log: silentLog });
  expect(doors.closed).toEqual(["ssh: is not open yet", "API: is not open yet"]);
  await using _api = await doors.open("API", () => listenOn(0));
  expect(doors.closed).toEqual(["ssh: is not open yet"]);
  await using _ssh = await doors.open("ssh", () => listenOn(0));
  expect(doors.closed).toEqual([]);
  isRouterConnected = false;
  expect(doors.closed).toEqual(["HTTP: the router is gone and is started again"]);
});
