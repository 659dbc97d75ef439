import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { challengePath } from "../../../server/routes/certs/http-challenge.ts";
import { whyNotHere } from "../../../server/routes/certs/points-here.ts";
import { type DnsServer, startDnsServer } from "../../support/dns-server.ts";

// An address of this machine that no interface of it lists: as if a router of the provider stood in front.
const elsewhere = "127.0.0.2";

let dns: DnsServer;
beforeAll(async () => (dns = await startDnsServer()));
afterAll(() => dns[Symbol.asyncDispose]());

/** Somebody's server there: ours answers the tokens that it was given, another's anything. */
async function startSite(isOurs: boolean) {
  const tokens = new Map<string, string>();
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(`${req.headers.host}${req.url}`);
    const token = tokens.get(req.url?.slice(challengePath.length + 1) ?? "");
    res.end(isOurs && token !== undefined ? token : "welcome to another site");
  });
  await new Promise<void>((resolve) => server.listen(0, elsewhere, resolve));
  const { port } = server.address() as AddressInfo;
  const http = async (_name: string, token: string, answer: string) => {
    tokens.set(token, answer);
    return { [Symbol.asyncDispose]: async () => void tokens.delete(token) };
  };
  return {
    asked,
    tokens,
    why: (name: string) =>
      whyNotHere({ dnsServers: [dns.address], challenges: { http }, port }, name, AbortSignal.timeout(10_000)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a name without an address is not asked for, one of this machine's own addresses is, without a request", async () => {
  await using site = await startSite(true);
  dns.unknown.add("nobody.shop.dev");
  expect(await site.why("nobody.shop.dev")).toBe("the name nobody.shop.dev has no address yet");
  expect(await site.why("www.shop.dev")).toBeUndefined();
  expect(site.asked).toEqual([]);
});

test("an address elsewhere has to bring a request here", async () => {
  dns.addresses.set("nat.shop.dev", elsewhere);
  await using ours = await startSite(true);
  expect(await ours.why("nat.shop.dev")).toBeUndefined();
  expect(ours.asked).toEqual([expect.stringMatching(/^nat\.shop\.dev\/\.well-known\/acme-challenge\/[0-9a-f]{32}$/)]);
  expect(ours.tokens.size).toBe(0);
  await using others = await startSite(false);
  expect(await others.why("nat.shop.dev")).toMatch(
    /^nat\.shop\.dev leads to 127\.0\.0\.2, and a request there on port \d+ did not arrive here$/,
  );
});
