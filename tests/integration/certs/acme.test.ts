import { chmod, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { expect, test } from "vitest";
import { createSealer } from "../../../server/core/seal.ts";
import type { Encryption } from "../../../server/router/tls/encryption.ts";
import { pathsOf } from "../../../server/config/config.ts";
import { waitFor } from "../../../server/core/time.ts";
import { actor, type Certs, CertsBed, type Shown, visit } from "./setup.ts";

const patience = (signal = AbortSignal.timeout(120_000)) => ({ every: 100, signal });

function viewOf(certs: Certs, name: string) {
  return certs.port.list().find((one) => one.names.includes(name));
}

/** Valid; it fails at once, in the CA's words, where it cannot become so. */
const isValid = (certs: Certs, name: string) => () => {
  const view = viewOf(certs, name);
  if (view?.state === "failed") throw new Error(view.problem);
  return view?.state === "valid";
};

test("a certificate is issued by HTTP-01 through the router, served, renewed in time, and the old one serves meanwhile", async () => {
  await using bed = await CertsBed.start();
  await using pebble = await bed.pebble(3600);
  await bed.route("shop.apps.test", "www.shop.test");
  await using certs = await bed.certs(pebble);
  const port = bed.router.httpsPort ?? 0;
  expect((await visit(port, "www.shop.test")).names).toContain("DNS:apps.test");

  certs.port.auto(actor, "www.shop.test", true);
  await waitFor(isValid(certs, "www.shop.test"), patience());
  const root = await pebble.root();
  const first = await visit(port, "www.shop.test", root);
  expect(first).toMatchObject({ names: "DNS:www.shop.test", body: "hello", isTrusted: true });
  // The other name of the app was not asked for.
  expect(viewOf(certs, "shop.apps.test")).toBeUndefined();

  // In the last third of its life, which it has in truth only begun.
  bed.aheadMs = 2_500_000;
  certs.wake();
  let seen: Shown = first;
  const visits: Shown[] = [];
  await waitFor(async () => {
    seen = await visit(port, "www.shop.test", root);
    visits.push(seen);
    return seen.serial !== first.serial;
  }, patience());
  expect(visits.every((one) => one.isTrusted && one.body === "hello")).toBe(true);
  expect(certs.port.list().filter((one) => one.names.includes("www.shop.test"))).toHaveLength(1);
});

test("TLS-ALPN-01 proves a name on the TLS port, and nobody but the CA sees its certificate", async () => {
  await using bed = await CertsBed.start(2);
  await using pebble = await bed.pebble(3600);
  await bed.route("www.shop.test");
  await using certs = await bed.certs(pebble, { challenge: "tls-alpn-01" });
  certs.port.auto(actor, "shop", true);
  const port = bed.router.httpsPort ?? 0;
  const seen = new Set<string>();
  await waitFor(async () => {
    seen.add((await visit(port, "www.shop.test")).issuer);
    return isValid(certs, "www.shop.test")();
  }, patience());
  const issuers = [...seen].filter((issuer) => issuer !== "paas self-signed" && !issuer.startsWith("Pebble"));
  expect(issuers).toEqual([]);
  const root = await pebble.root();
  for (let i = 0; i < 8; i++) expect((await visit(port, "www.shop.test", root)).isTrusted).toBe(true);
});

test("a wildcard is proved by the DNS hook, and one of the platform's domain serves every app", async () => {
  await using bed = await CertsBed.start();
  await using pebble = await bed.pebble(3600);
  await bed.route("shop.apps.test", "blog.apps.test");
  const said: string[] = [];
  const zone = createServer((req, res) => {
    const [verb = "", name = "", value = ""] = decodeURIComponent(req.url ?? "")
      .slice(1)
      .split(" ");
    said.push(`${verb} ${name}`);
    if (verb === "present") bed.dns.texts.set(name, new Set([value]));
    else bed.dns.texts.delete(name);
    res.end();
  });
  await new Promise<void>((resolve) => zone.listen(0, "127.0.0.1", resolve));
  const { port: zonePort } = zone.address() as AddressInfo;
  const hook = path.join(bed.config.home, "hook.mjs");
  const call = `await fetch("http://127.0.0.1:${zonePort}/" + encodeURIComponent(process.argv.slice(2).join(" ")));`;
  await writeFile(hook, `#!${process.execPath}\n${call}\n`);
  await chmod(hook, 0o755);
  await using certs = await bed.certs(pebble, { dnsHook: hook });
  certs.port.auto(actor, "shop", true);
  await waitFor(isValid(certs, "*.apps.test"), patience());
  const root = await pebble.root();
  const port = bed.router.httpsPort ?? 0;
  for (const host of ["shop.apps.test", "blog.apps.test"])
    expect(await visit(port, host, root)).toMatchObject({ names: "DNS:*.apps.test", isTrusted: true });
  await waitFor(() => said.includes("cleanup _acme-challenge.apps.test"), patience());
  zone.close();
  expect(pebble.orders()).toBe(1);
});

test("a challenge that fails is told in the CA's words and tried again, and what is there goes on serving", async () => {
  await using bed = await CertsBed.start();
  await using pebble = await bed.pebble(3600);
  await bed.route("www.shop.test", "new.shop.test");
  await using certs = await bed.certs(pebble);
  certs.port.auto(actor, "www.shop.test", true);
  await waitFor(isValid(certs, "www.shop.test"), patience());
  bed.dns.unknown.add("new.shop.test");
  certs.port.auto(actor, "new.shop.test", true);
  await waitFor(() => viewOf(certs, "new.shop.test")?.state === "failed", patience());
  const failed = viewOf(certs, "new.shop.test");
  expect(failed?.problem).toMatch(/new\.shop\.test/);
  expect(failed?.problem).toContain("could not resolve");
  expect(failed?.retryAt).toBeGreaterThan(Date.now() + 30_000);
  const port = bed.router.httpsPort ?? 0;
  expect((await visit(port, "www.shop.test", await pebble.root())).isTrusted).toBe(true);
  // Whoever has put it right need not wait.
  bed.dns.unknown.clear();
  certs.port.auto(actor, "new.shop.test", true);
  await waitFor(isValid(certs, "new.shop.test"), patience());
  expect(viewOf(certs, "new.shop.test")?.problem).toBeUndefined();
});

test("the CA is not asked about a public name before it leads here, then by itself", async () => {
  await using bed = await CertsBed.start();
  await using pebble = await bed.pebble(86_400);
  bed.dns.unknown.add("www.shop.dev");
  await bed.route("www.shop.dev");
  await using certs = await bed.certs(pebble);
  await waitFor(() => viewOf(certs, "www.shop.dev")?.state === "failed", patience());
  expect(viewOf(certs, "www.shop.dev")?.problem).toBe("the name www.shop.dev has no address yet");
  expect(pebble.orders()).toBe(0);
  bed.dns.unknown.clear();
  await waitFor(() => {
    const view = viewOf(certs, "www.shop.dev");
    if (view?.state === "failed" && (view.retryAt ?? 0) > Date.now() + bed.aheadMs) {
      bed.aheadMs = (view.retryAt ?? 0) - Date.now();
      certs.wake();
    }
    return view?.state === "valid";
  }, patience());
});

test("a CA that was asked too often is left alone for as long as it says", async () => {
  await using bed = await CertsBed.start();
  await using pebble = await bed.pebble(3600);
  await bed.route("www.shop.test");
  await using certs = await bed.certs(pebble);
  pebble.limit = { detail: "too many certificates already issued for shop.test", retryAfterSeconds: 5400 };
  certs.port.auto(actor, "www.shop.test", true);
  await waitFor(() => viewOf(certs, "www.shop.test")?.state === "failed", patience());
  const limited = viewOf(certs, "www.shop.test");
  expect(limited?.problem).toContain("too many certificates already issued for shop.test");
  expect((limited?.retryAt ?? 0) - Date.now()).toBeGreaterThan(5_300_000);
  certs.wake();
  await bed.route("other.shop.test");
  certs.wake();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(pebble.orders()).toBe(1);
});

test("a router that was killed serves its certificates before any daemon is there, and its file is its owner's alone and sealed", async () => {
  await using bed = await CertsBed.start();
  await using pebble = await bed.pebble(3600);
  await bed.route("www.shop.test");
  const port = bed.router.httpsPort ?? 0;
  {
    await using certs = await bed.certs(pebble);
    certs.port.auto(actor, "www.shop.test", true);
    await waitFor(isValid(certs, "www.shop.test"), patience());
  }
  const root = await pebble.root();
  const { serial } = await visit(port, "www.shop.test", root);
  const { routerDir } = pathsOf(bed.config.home);
  expect((await stat(path.join(routerDir, "tls.json"))).mode & 0o777).toBe(0o600);
  const file = JSON.parse(await readFile(path.join(routerDir, "tls.json"), "utf8")) as Record<string, string>;
  expect(Object.keys(file)).toEqual(["sealed"]);
  const kept = createSealer(bed.state.routerKey).open<Encryption>(file["sealed"] ?? "");
  expect(kept.certificates[0]?.key).toContain("PRIVATE KEY");
  const database = await readFile(pathsOf(bed.config.home).database);
  const log = await readFile(`${pathsOf(bed.config.home).database}-wal`).catch(() => Buffer.alloc(0));
  expect(Buffer.concat([database, log]).includes("PRIVATE KEY")).toBe(false);
  const before = bed.router.pid;
  process.kill(before, "SIGKILL");
  await waitFor(
    async () => (await visit(port, "www.shop.test", root).catch(() => undefined))?.serial === serial,
    patience(),
  );
  expect(bed.router.pid).not.toBe(before);
});
