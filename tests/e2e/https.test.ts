import { writeFile } from "node:fs/promises";
import path from "node:path";
import tls from "node:tls";
import { expect, test } from "vitest";
import type { CertView } from "../../server/api/platform.ts";
import { waitFor } from "../../server/core/time.ts";
import { serverApp } from "../support/apps.ts";
import { startDnsServer } from "../support/dns-server.ts";
import { mustSucceed, TestPaas } from "../support/paas.ts";
import { startPebble } from "../support/pebble.ts";
import { testCa } from "../support/test-ca.ts";

const patience = () => ({ every: 200, signal: AbortSignal.timeout(120_000) });

interface Shown {
  readonly serial: string;
  readonly isTrusted: boolean;
  readonly head: string;
  readonly body: string;
}

function visit(port: number, host: string, target: string, ca: string): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: "127.0.0.1", port, servername: host, ca, rejectUnauthorized: false }, () => {
      const { serialNumber } = socket.getPeerCertificate();
      socket.write(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
      socket.once("close", () => {
        const [head = "", body = ""] = text.split("\r\n\r\n");
        resolve({ serial: serialNumber, isTrusted: socket.authorized, head, body });
      });
    });
    socket.once("error", reject);
  });
}

test("an app is served with a certificate of the CA, which is renewed while requests flow, then with one of its owner", async () => {
  await using dns = await startDnsServer();
  await using paas = await TestPaas.start({ PAAS_ACME_DNS_SERVERS: dns.address });
  await using pebble = await startPebble({
    httpPort: paas.httpPort,
    httpsPort: paas.httpsPort,
    dnsServer: dns.address,
    validitySeconds: 60,
  });
  await paas.stop();
  await paas.boot({ PAAS_ACME_DIRECTORY: pebble.directory, PAAS_ACME_CA_FILE: pebble.caFile });
  const shop = await paas.app("shop", serverApp("hello over TLS"));
  const secure = `https://${shop.host}:${paas.httpsPort}`;
  expect((await shop.mustPush()).output).toContain(`deployed: http://${shop.host}:${paas.httpPort}`);
  const before = await visit(paas.httpsPort, shop.host, "/", "");
  expect(before).toMatchObject({ isTrusted: false, body: "hello over TLS" });

  await shop.mustCli("certs:auto", "shop", "on");
  const certOf = async () => (await paas.json<CertView[]>(["certs"])).find((one) => one.names.includes(shop.host));
  await waitFor(async () => (await certOf())?.state === "valid", patience());
  const root = await pebble.root();
  const first = await visit(paas.httpsPort, shop.host, "/", root);
  expect(first.body).toBe("hello over TLS");
  const shown = await shop.mustCli("certs");
  expect(shown.stdout).toMatch(/shop\.paas\.test\s+acme\s+valid\s+Pebble/);
  // On a busy machine the old one may have expired for a moment: requests are answered all the same.
  await waitFor(async () => {
    const now = await visit(paas.httpsPort, shop.host, "/", root);
    expect(now.body).toBe("hello over TLS");
    return now.serial !== first.serial && now.isTrusted;
  }, patience());

  const [route] = await paas.json<{ url: string }[]>(["routes", "-a", "shop"]);
  expect(route?.url).toBe(secure);
  expect((await shop.mustCli("open")).stdout).toContain(secure);
  await shop.commit(serverApp("hello again"), "again");
  expect((await shop.mustPush()).output).toContain(`deployed: ${secure}`);

  expect(before.head).not.toMatch(/strict-transport-security/i);
  await shop.mustCli("routes:set", shop.host, "--https", "redirect", "--hsts", "86400");
  const sent = await shop.get("/a?b");
  expect(sent).toMatchObject({ status: 301, headers: { location: `${secure}/a?b` } });
  expect(sent.headers["strict-transport-security"]).toBeUndefined();
  const safe = await visit(paas.httpsPort, shop.host, "/a?b", root);
  expect(safe.head).toMatch(/\r\nStrict-Transport-Security: max-age=86400/);
  const posted = await paas.request(shop.host, "/form", { method: "POST", body: "x" });
  expect(posted.status).toBe(308);

  const ca = await testCa();
  const own = await ca.issue([shop.host]);
  const file = path.join(paas.dir, "own.pem");
  await writeFile(file, own.cert + ca.issuer + own.key);
  mustSucceed(await paas.cli(["certs:add", shop.host, "--cert", file]));
  expect((await visit(paas.httpsPort, shop.host, "/", ca.root)).isTrusted).toBe(true);
  const wrong = await paas.cli(["certs:add", "other.test", "--cert", file]);
  expect(wrong.code).toBe(1);
  expect(wrong.output).toContain("The certificate is not for other.test");
  mustSucceed(await paas.cli(["certs:remove", shop.host]));
});
