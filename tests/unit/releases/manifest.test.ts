import { describe, expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { web, type ProcessType } from "../../../server/core/ids.ts";
import type { App, FormationEntry, HealthCheck, Manifest } from "../../../server/core/types.ts";
import { checksOf, withManifest } from "../../../server/releases/formation.ts";
import { addedVariables, assertNoneMissing, madeSecrets } from "../../../server/releases/variables.ts";

const worker = "worker" as ProcessType;
const plain = { description: undefined, value: undefined, isRequired: true, isGenerated: false };
const wanted: Manifest["env"] = {
  SECRET: { ...plain, isGenerated: true },
  GREETING: { ...plain, value: "hi" },
  MAIL_KEY: { ...plain, description: "of the mail service" },
  DATABASE_URL: plain,
  DEBUG: { ...plain, isRequired: false },
};

function added(config: Record<string, string>, given: readonly string[] = []) {
  const bound = new Set(["DATABASE_URL"]);
  return addedVariables({ wanted, config, bound, given: new Set(given) }, () => "made");
}

describe("config vars that app.json adds", () => {
  test("are secrets and defaults of names that are not set, by nobody", () => {
    expect(added({ MAIL_KEY: "k" })).toEqual({
      generated: { SECRET: "made" },
      defaults: { GREETING: "hi" },
      missing: [],
    });
    expect(added({ MAIL_KEY: "k", SECRET: "mine", GREETING: "yo" })).toMatchObject({ generated: {}, defaults: {} });
  });

  test("do not come back once they were given and unset again", () => {
    expect(added({ MAIL_KEY: "k" }, ["SECRET", "GREETING"])).toEqual({ generated: {}, defaults: {}, missing: [] });
  });

  test("that nobody sets are named with what they are for and what to type", () => {
    const result = added({});
    const refused = () => assertNoneMissing({ name: "shop" } as App, result);
    expect(refused).toThrow("app.json requires config vars that are not set: MAIL_KEY (of the mail service).");
    try {
      refused();
    } catch (err) {
      expect((err as AppError).hint).toBe("Set them, then push again: paas config:set MAIL_KEY=… -a shop");
    }
  });

  test("are random and long when they are made", () => {
    const { generated } = addedVariables({ wanted, config: {}, bound: new Set(), given: new Set() });
    expect(generated["SECRET"]).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("a formation of app.json", () => {
  const entry = (type: ProcessType, count: number, memoryMb = 512): FormationEntry => ({
    type,
    count,
    memoryMb,
    cpus: 1,
  });
  const asked: Manifest["formation"] = {
    web: { quantity: 2, memoryMb: undefined },
    worker: { quantity: 1, memoryMb: 256 },
    mailer: { quantity: 1, memoryMb: undefined },
  };
  const entries = [entry(web, 1), entry(worker, 0)];

  test("decides until a person has, type by type", () => {
    expect(withManifest(entries, asked, {})).toEqual({
      changed: [entry(web, 2), entry(worker, 1, 256)],
      notes: [
        'app.json: there is no process type "mailer" to scale',
        "app.json: web=2",
        "app.json: worker=1 with 256 MB each",
      ],
    });
    expect(withManifest([entry(web, 3), entry(worker, 0)], asked, { web: ["count"], worker: ["memory"] })).toEqual({
      changed: [entry(worker, 1)],
      notes: [
        'app.json: there is no process type "mailer" to scale',
        "web stays at 3, as set by ps:scale; app.json says 2",
        "worker stays at 512 MB, as set by limits:set; app.json says 256 MB",
        "app.json: worker=1",
      ],
    });
  });

  test("says nothing where all is as it asks", () => {
    expect(withManifest([entry(web, 2)], { web: { quantity: 2, memoryMb: undefined } }, {})).toEqual({
      changed: [],
      notes: [],
    });
  });
});

test("what a runtime needs to boot is the default of its apps", () => {
  expect(checksOf(web, {}, undefined, []).bootTimeoutMs).toBe(60_000);
  expect(checksOf(web, { bootTimeoutMs: 90_000 }, undefined, []).bootTimeoutMs).toBe(90_000);
  const known = { path: undefined, bootTimeoutMs: 30_000, settleMs: 500 };
  expect(checksOf(web, { bootTimeoutMs: 90_000 }, known, ["bootTimeoutMs"]).bootTimeoutMs).toBe(30_000);
});

test("checks are the defaults, then those of app.json, then what a person has set", () => {
  const path = { kind: "path", path: "/up", port: undefined, content: undefined, headers: {} } as const;
  const check: HealthCheck = {
    name: "up",
    probe: path,
    attempts: 3,
    timeoutMs: 1,
    waitMs: 1,
    initialDelayMs: 0,
    warn: false,
  };
  const listening: HealthCheck = { ...check, probe: { kind: "listening", port: 9000 } };
  const checks = { web: { startup: [check, listening], bootTimeoutMs: 5000 } };
  const scripts = { predeploy: undefined, postdeploy: undefined, firstDeploy: undefined };
  const droplet = { manifest: { env: {}, formation: {}, scripts, cron: [], checks }, bootTimeoutMs: 90_000 };
  const known = { path: "/mine", bootTimeoutMs: 1, settleMs: 7 };
  expect(checksOf(web, droplet, known, [])).toEqual({
    path: undefined,
    bootTimeoutMs: 5000,
    settleMs: 500,
    startup: [check, listening],
  });
  expect(checksOf(web, droplet, known, ["settleMs", "path"])).toEqual({
    path: "/mine",
    bootTimeoutMs: 5000,
    settleMs: 7,
    startup: [listening],
  });
});

test("a secret that an app does not start without is made where neither config nor a binding has one", () => {
  const made = (...known: readonly Readonly<Record<string, string>>[]) => madeSecrets(["A", "B"], known, () => "made");
  expect(made({}, {})).toEqual({ A: "made", B: "made" });
  expect(made({ A: "" }, { B: "bound" })).toEqual({});
  expect(madeSecrets(["A"], [{}])["A"]).toMatch(/^[0-9a-f]{64}$/);
});
