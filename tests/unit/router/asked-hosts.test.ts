import { expect, test } from "vitest";
import { AskedHosts } from "../../../server/router/http1/forwarding.ts";

test("a host is described once, and instances are told what was asked for", () => {
  const hosts = new AskedHosts("https", "2.0");
  const shop = hosts.get("Shop.test:8443", 8443);
  expect(hosts.get("Shop.test:8443", 8443)).toBe(shop);
  expect(shop).toMatchObject({ authority: "Shop.test:8443", host: "shop.test", protocol: "https" });
  expect(shop?.fields.toString()).toBe(
    ';host="Shop.test:8443";proto=https\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 8443\r\nX-Forwarded-Host: Shop.test:8443\r\nVia: 2.0 paas\r\nX-Request-Id: ',
  );
});

test("what is no host is none, and is not kept", () => {
  const hosts = new AskedHosts("http", "1.1");
  for (let i = 0; i < 2; i++) expect(hosts.get("a b", 80)).toBeUndefined();
});

test("another port is told to instances", () => {
  const hosts = new AskedHosts("http", "1.1");
  hosts.get("shop.test", 80);
  expect(hosts.get("shop.test", 8080)?.fields.toString()).toContain("X-Forwarded-Port: 8080\r\n");
});

test("a client that asks for ever new hosts fills nothing", () => {
  const hosts = new AskedHosts("http", "1.1");
  const first = hosts.get("shop.test", 80);
  for (let i = 0; i < 5_000; i++) hosts.get(`h${i}.test`, 80);
  expect(hosts.size).toBeLessThanOrEqual(1_000);
  expect(hosts.get("shop.test", 80)).toEqual(first);
});
