import { describe, expect, test } from "vitest";
import {
  type CertsInput,
  decideCerts,
  isServed,
  renewalOf,
  retryAfter,
  servingCertificate,
  wantedNames,
} from "../../../server/routes/certs/decide.ts";
import { covers, isPublicName } from "../../../server/routes/certs/names.ts";
import type { Certificate } from "../../../server/routes/certs/types.ts";

const now = Date.parse("2026-06-01T00:00:00Z");
const day = 86_400_000;

function certificate(change: Partial<Certificate> = {}): Certificate {
  const names = ["www.shop.dev"];
  const base = { id: "c1", names, source: "acme" as const, issuer: "CA", createdAt: now - day };
  return { ...base, notBefore: now - day, notAfter: now + 89 * day, ...change };
}

function input(change: Partial<CertsInput> = {}): CertsInput {
  return {
    isAcmeOn: true,
    hasDnsHook: false,
    domain: "apps.dev",
    hosts: [{ host: "www.shop.dev", appAuto: undefined }],
    certificates: [],
    records: [],
    pausedUntil: undefined,
    ...change,
  };
}

const record = { name: "www.shop.dev", auto: undefined, failures: 0, problem: undefined, retryAt: undefined };

describe("what is asked for", () => {
  test("a public name without a certificate, at once", () => {
    expect(decideCerts(input(), now).orders).toEqual([
      { names: ["www.shop.dev"], isInsisted: false, isRenewal: false },
    ]);
  });

  test("nothing while ACME is off, for names no CA knows, and where somebody said off", () => {
    expect(decideCerts(input({ isAcmeOn: false }), now).orders).toEqual([]);
    const reserved = ["shop.localhost", "shop.test", "shop.example.com", "nas.local", "box", "10.0.0.1"];
    const hosts = reserved.map((host) => ({ host, appAuto: undefined }));
    expect(decideCerts(input({ hosts }), now).orders).toEqual([]);
    expect(decideCerts(input({ hosts: [{ host: "www.shop.dev", appAuto: false }] }), now).orders).toEqual([]);
    expect(decideCerts(input({ records: [{ ...record, auto: false }] }), now).orders).toEqual([]);
  });

  test("a reserved name where somebody said on, of the name before of its app", () => {
    const hosts = [{ host: "shop.test", appAuto: false }];
    const records = [{ ...record, name: "shop.test", auto: true }];
    expect(decideCerts(input({ hosts, records }), now).orders).toMatchObject([
      { names: ["shop.test"], isInsisted: true },
    ]);
  });

  test("a wildcard only where a hook can prove it", () => {
    const hosts = [{ host: "*.shop.dev", appAuto: undefined }];
    expect(decideCerts(input({ hosts }), now).orders).toEqual([]);
    expect(decideCerts(input({ hosts, hasDnsHook: true }), now).orders).toMatchObject([{ names: ["*.shop.dev"] }]);
  });

  test("one wildcard for all apps of the platform's domain where a hook can prove it", () => {
    const hosts = ["a.apps.dev", "b.apps.dev", "paas.apps.dev", "x.y.apps.dev"].map((host) => ({
      host,
      appAuto: undefined,
    }));
    expect(wantedNames(input({ hosts, hasDnsHook: true })).map(({ name }) => name)).toEqual([
      "*.apps.dev",
      "x.y.apps.dev",
    ]);
  });

  test("nothing where the operator's own certificate serves, until it has expired", () => {
    const own = certificate({ source: "own", names: ["*.shop.dev"], notAfter: now + day });
    const plan = decideCerts(input({ certificates: [own] }), now);
    expect(plan).toMatchObject({ orders: [], nextAt: now + day });
    expect(decideCerts(input({ certificates: [own] }), now + day).orders).toHaveLength(1);
  });

  test("a certificate signed by itself for all names of the domain is none", () => {
    const self = certificate({ source: "self", names: ["shop.dev", "*.shop.dev"] });
    expect(decideCerts(input({ certificates: [self] }), now).orders).toHaveLength(1);
  });

  test("nothing before the time that a failure or the CA named, and that moment is when to look again", () => {
    const records = [{ ...record, failures: 1, retryAt: now + 60_000 }];
    expect(decideCerts(input({ records }), now)).toMatchObject({ orders: [], nextAt: now + 60_000 });
    expect(decideCerts(input({ records }), now + 60_000).orders).toHaveLength(1);
    expect(decideCerts(input({ pausedUntil: now + 5_000 }), now)).toMatchObject({ orders: [], nextAt: now + 5_000 });
  });
});

describe("renewal", () => {
  test("comes due in the last third of a life, never later, and not for all at once", () => {
    const life = 90 * day;
    const dues = Array.from({ length: 200 }, (_, i) => renewalOf(certificate({ id: `c${i}` })));
    const end = now + 89 * day;
    for (const due of dues) {
      expect(end - due).toBeGreaterThanOrEqual(life / 3);
      expect(end - due).toBeLessThanOrEqual(life / 3 + life / 20 + 1);
    }
    expect(new Set(dues).size).toBeGreaterThan(150);
  });

  test("is asked for while the old one still serves", () => {
    const old = certificate();
    const due = renewalOf(old);
    expect(decideCerts(input({ certificates: [old] }), due - 1)).toMatchObject({ orders: [], nextAt: due });
    expect(decideCerts(input({ certificates: [old] }), due).orders).toEqual([
      { names: ["www.shop.dev"], isInsisted: false, isRenewal: true },
    ]);
    expect(servingCertificate("www.shop.dev", [old], due)).toBe(old);
  });

  test("failures are tried again later and later, but not later than after six hours, and never before the CA wants", () => {
    const pauses = [1, 2, 3, 10].map((failures) => retryAfter(failures, now, undefined) - now);
    expect(pauses).toEqual([60_000, 120_000, 240_000, 21_600_000]);
    expect(retryAfter(1, now, day)).toBe(now + day);
  });

  test("an expired one is kept as long as a route needs its name", () => {
    const expired = certificate({ notAfter: now - 1 });
    expect(decideCerts(input({ certificates: [expired] }), now).discard).toEqual([]);
    expect(decideCerts(input({ certificates: [expired], hosts: [] }), now).discard).toEqual(["c1"]);
    const own = certificate({ notAfter: now - 1, source: "own" });
    expect(decideCerts(input({ certificates: [own], hosts: [] }), now).discard).toEqual([]);
  });
});

describe("what is served", () => {
  test("valid before expired, own before the CA's, later end before earlier", () => {
    const acme = certificate({ id: "acme" });
    const own = certificate({ id: "own", source: "own", names: ["*.shop.dev"], notAfter: now + day });
    const longer = certificate({ id: "longer", notAfter: now + 95 * day });
    expect(servingCertificate("www.shop.dev", [acme, own, longer], now)?.id).toBe("own");
    expect(servingCertificate("www.shop.dev", [acme, own, longer], now + day)?.id).toBe("longer");
    expect(servingCertificate("www.shop.dev", [own], now + day)?.id).toBe("own");
    expect(servingCertificate("a.b.shop.dev", [own], now)).toBeUndefined();
  });

  test("a wildcard stands for exactly one label", () => {
    expect(covers("*.a.dev", "x.a.dev")).toBe(true);
    for (const host of ["a.dev", "x.y.a.dev", "*.a.dev.x", "xa.dev"]) expect(covers("*.a.dev", host)).toBe(false);
    expect(covers("*.a.dev", "*.a.dev")).toBe(true);
    expect(covers("*.a.dev", "*.x.a.dev")).toBe(false);
  });

  test("public names", () => {
    for (const name of ["a.dev", "*.a.dev", "testing.dev", "localhost.dev"]) expect(isPublicName(name)).toBe(true);
  });
});

test("a name is served by HTTPS by a certificate that covers it and is valid now, not by one signed by itself", () => {
  const served = (change: Partial<Certificate>, name = "www.shop.dev") => isServed(name, [certificate(change)], now);
  expect(served({})).toBe(true);
  expect(served({ names: ["*.shop.dev"] })).toBe(true);
  expect(served({}, "shop.dev")).toBe(false);
  expect(served({ source: "self" })).toBe(false);
  expect(served({ notAfter: now })).toBe(false);
  expect(served({ notBefore: now + 1 })).toBe(false);
});
