import { randomBytes } from "node:crypto";
import { Resolver } from "node:dns/promises";
import http from "node:http";
import { networkInterfaces } from "node:os";
import type { Challenges } from "./acme.ts";
import { challengePath } from "./http-challenge.ts";

const timeoutMs = 10_000;

export interface PointsHereDeps {
  /** DNS servers to ask, `127.0.0.1:53`; none: those of the machine. */
  readonly dnsServers: readonly string[];
  readonly challenges: Pick<Challenges, "http">;
  /** Where the public speaks HTTP: 80. */
  readonly port?: number;
}

/**
 * Why the name does not seem to lead to this router, undefined when it does: one of its addresses is the machine's own, or
 * a request to port 80 there arrives here. The CA allows only a few failures an hour, so it is not asked before.
 */
export async function whyNotHere(deps: PointsHereDeps, name: string, signal: AbortSignal): Promise<string | undefined> {
  const addresses = await resolve(deps.dnsServers, name);
  if (addresses.length === 0) return `the name ${name} has no address yet`;
  const own = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address)));
  if (addresses.some((address) => own.has(address))) return undefined;
  const token = randomBytes(16).toString("hex");
  await using _answered = await deps.challenges.http(name, token, token, signal);
  const port = deps.port ?? 80;
  const answers = await Promise.all(addresses.map((address) => fetchToken(address, port, name, token)));
  if (answers.includes(token)) return undefined;
  return `${name} leads to ${addresses.join(", ")}, and a request there on port ${port} did not arrive here`;
}

async function resolve(servers: readonly string[], name: string): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: 3_000, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  const found = await Promise.all([resolver.resolve4(name).catch(() => []), resolver.resolve6(name).catch(() => [])]);
  return found.flat();
}

function fetchToken(address: string, port: number, name: string, token: string): Promise<string | undefined> {
  return new Promise((done) => {
    const request = http.get(
      { host: address, port, path: `${challengePath}/${token}`, headers: { host: name }, timeout: timeoutMs },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > token.length) request.destroy();
        });
        answer.once("close", () => done(text));
      },
    );
    request.once("timeout", () => request.destroy());
    request.once("error", () => done(undefined));
  });
}
