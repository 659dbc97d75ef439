import fc from "fast-check";
import { expect, test } from "vitest";
import { type AppId, defaultSpace, parseServiceName } from "../../../server/core/ids.ts";
import { type BoundService, chooseEnvName, toEnvironment } from "../../../server/services/environment.ts";

const credentials = { uri: "postgres://u:p@db.service.internal:5432/db", username: "u", password: "p" };

function bound(
  name: string,
  offering: string,
  given: Record<string, unknown>,
  envName: string | undefined,
): BoundService {
  const plan = offering === "user-provided" ? undefined : "small";
  return {
    service: {
      id: `service-${name}`,
      name: parseServiceName(name),
      space: defaultSpace,
      offering,
      plan,
      status: "ready",
      createdAt: 1,
    },
    binding: {
      id: `binding-${name}`,
      serviceId: `service-${name}`,
      appId: "shop" as AppId,
      envName,
      credentials: given,
      createdAt: 2,
    },
  };
}

const choose = (
  name: string,
  offering: string,
  taken: readonly string[],
  given: Record<string, unknown> = credentials,
) => chooseEnvName({ name: parseServiceName(name), offering }, given, new Set(taken));

test("an app without bindings gets nothing", () => {
  expect(toEnvironment([])).toEqual({ env: {}, vcapServices: {} });
});

test("each binding with a URL gets its variable, the others stand in VCAP_SERVICES alone", () => {
  const { env } = toEnvironment([
    bound("db", "postgres", credentials, "DATABASE_URL"),
    bound("stats-db", "postgres", { ...credentials, uri: "postgres://other" }, "STATS_DB_URL"),
    bound("mail", "user-provided", { url: "smtp://mail" }, "MAIL_URL"),
    bound("keys", "user-provided", { token: "t" }, undefined),
  ]);
  expect(env).toEqual({
    DATABASE_URL: credentials.uri,
    STATS_DB_URL: "postgres://other",
    MAIL_URL: "smtp://mail",
  });
});

test("VCAP_SERVICES is as Cloud Foundry documents it", () => {
  const { vcapServices } = toEnvironment([
    bound("db", "postgres", credentials, "DATABASE_URL"),
    bound("stats", "postgres", credentials, "STATS_URL"),
    bound("cache", "redis", { uri: "redis://u:p@cache.service.internal:6379/0" }, "REDIS_URL"),
    bound("mail", "user-provided", { uri: "smtp://mail", from: "shop" }, "MAIL_URL"),
  ]);
  expect(vcapServices).toMatchInlineSnapshot(`
    {
      "postgres": [
        {
          "binding_guid": "98665d0c-78c6-5c74-94d3-c2a05ff12207",
          "binding_name": null,
          "credentials": {
            "password": "p",
            "uri": "postgres://u:p@db.service.internal:5432/db",
            "username": "u",
          },
          "instance_guid": "18a0baa5-a983-5216-bfce-2e61d03af2b8",
          "instance_name": "db",
          "label": "postgres",
          "name": "db",
          "plan": "small",
          "provider": null,
          "syslog_drain_url": null,
          "tags": [
            "postgres",
            "postgresql",
            "relational",
          ],
          "volume_mounts": [],
        },
        {
          "binding_guid": "2ef9be8c-5c16-5f6f-8149-386bfeb16999",
          "binding_name": null,
          "credentials": {
            "password": "p",
            "uri": "postgres://u:p@db.service.internal:5432/db",
            "username": "u",
          },
          "instance_guid": "82dd89f9-c4c3-59ab-bacc-2a0a49c043ca",
          "instance_name": "stats",
          "label": "postgres",
          "name": "stats",
          "plan": "small",
          "provider": null,
          "syslog_drain_url": null,
          "tags": [
            "postgres",
            "postgresql",
            "relational",
          ],
          "volume_mounts": [],
        },
      ],
      "redis": [
        {
          "binding_guid": "20fd09b1-2291-5da0-8369-0a3a4f4d8dde",
          "binding_name": null,
          "credentials": {
            "uri": "redis://u:p@cache.service.internal:6379/0",
          },
          "instance_guid": "6c7933ad-03b5-50b2-b744-c13eecd0b32d",
          "instance_name": "cache",
          "label": "redis",
          "name": "cache",
          "plan": "small",
          "provider": null,
          "syslog_drain_url": null,
          "tags": [
            "redis",
            "key-value",
          ],
          "volume_mounts": [],
        },
      ],
      "user-provided": [
        {
          "binding_guid": "ec8fb943-5823-5802-84cb-eb117e40f368",
          "binding_name": null,
          "credentials": {
            "from": "shop",
            "uri": "smtp://mail",
          },
          "instance_guid": "12bdfc11-e6ec-51e5-87f1-b854aec06589",
          "instance_name": "mail",
          "label": "user-provided",
          "name": "mail",
          "syslog_drain_url": null,
          "tags": [],
          "volume_mounts": [],
        },
      ],
    }
  `);
});

test("the first of a kind gets the usual variable, another one its own name", () => {
  expect(choose("db", "postgres", [])).toBe("DATABASE_URL");
  expect(choose("cache", "redis", ["DATABASE_URL"])).toBe("REDIS_URL");
  expect(choose("stats-db", "postgres", ["DATABASE_URL"])).toBe("STATS_DB_URL");
  expect(choose("mail-eu", "user-provided", [])).toBe("MAIL_EU_URL");
});

test("a name that would be taken twice is numbered", () => {
  expect(choose("database", "postgres", ["DATABASE_URL"])).toBe("DATABASE_2_URL");
  expect(choose("redis", "user-provided", ["REDIS_URL", "REDIS_2_URL"])).toBe("REDIS_3_URL");
});

test("credentials without a URL have no variable", () => {
  expect(choose("keys", "user-provided", [], { token: "t" })).toBeUndefined();
  expect(choose("keys", "user-provided", [], { uri: 7, url: "" })).toBeUndefined();
});

test("however services are named and bound, no two variables are the same and each is a valid name", () => {
  const name = fc.constantFrom("db", "database", "database-2", "redis", "redis-2", "a-b", "cache", "postgres");
  const service = fc.tuple(name, fc.constantFrom("postgres", "redis", "user-provided"));
  fc.assert(
    fc.property(fc.array(service, { maxLength: 12 }), (services) => {
      const taken: string[] = [];
      for (const [each, offering] of services) taken.push(choose(each, offering, taken) ?? "none");
      expect(new Set(taken).size).toBe(taken.length);
      for (const variable of taken) expect(variable).toMatch(/^[A-Z][A-Z0-9_]*_URL$/);
    }),
  );
});
