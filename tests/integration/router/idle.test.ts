import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { startRouterProcess } from "../../support/router-process.ts";
import { ask, routeTo, startInstance } from "./harness.ts";

function openFiles(pid: number | "self"): { readonly soft: number; readonly hard: number } {
  const line = /Max open files\s+(\S+)\s+(\S+)/.exec(readFileSync(`/proc/${pid}/limits`, "utf8"));
  const count = (text = "") => (text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text));
  return { soft: count(line?.[1]), hard: count(line?.[2]) };
}

/** A connection on which a request has been answered, as a browser keeps it. */
function used(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n"));
    socket.once("data", () => resolve(socket)).once("error", reject);
  });
}

async function open(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: 50 }, () => used(port)))));
  return sockets;
}

function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024;
}

test("ten thousand idle connections cost little each, and new requests are answered beside them", async () => {
  await using app = await startInstance((_req, res) => void res.end("ok"));
  await using router = await startRouterProcess([routeTo([app.target])]);
  const { httpPort, pid } = router.client;
  const { soft, hard } = openFiles(pid);
  expect(soft).toBe(hard);
  // This process holds the other ends.
  const count = Math.min(10_000, Math.floor(openFiles("self").soft * 0.9), Math.floor(soft * 0.9));
  for (const socket of await open(httpPort, 100)) socket.destroy();
  const before = rssOf(pid);
  const sockets = await open(httpPort, count);
  const each = (rssOf(pid) - before) / count;
  for (let i = 0; i < 100; i++) expect((await ask(httpPort)).body).toBe("ok");
  expect(each).toBeLessThan(14_000);
  for (const socket of sockets) socket.destroy();
});
