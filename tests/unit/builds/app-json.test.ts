import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { emptyManifest, parseAppJson } from "../../../server/builds/app-json/app-json.ts";

function problemOf(text: string): string {
  try {
    return `read as ${JSON.stringify(parseAppJson(text))}`;
  } catch (err) {
    if (err instanceof AppError) return `${err.message} | ${err.hint}`;
    throw err;
  }
}

const everything = `\uFEFF{
  // As Heroku and Dokku have it.
  "name": "shop",
  "repository": "https://git.example.test/shop",
  "stack": "heroku-24",
  "buildpacks": [{ "url": "heroku/nodejs" }, "https://git.example.test/apt.git#v2"],
  "env": {
    "SECRET_KEY": { "description": "signs cookies", "generator": "secret" },
    "GREETING": "hi",
    "MAIL_KEY": { "description": "of the mail service" },
    "DEBUG": { "required": false },
    "LEVEL": { "value": "info", "required": true },
  },
  "formation": { "web": { "quantity": 2, "size": "standard-2x" }, "worker": { "quantity": 0, "size": "256M" } },
  "scripts": {
    "postdeploy": { "command": "bin/seed", "size": "eco" },
    "dokku": { "predeploy": "bin/assets", "postdeploy": "bin/announce" }
  },
  "cron": [{ "command": "bin/report --all", "schedule": "0 4 * * 1" }, { "command": "bin/x", "schedule": "@daily" }]
}`;

const optional = { description: undefined, value: undefined, isRequired: true, isGenerated: false };

describe("an app.json", () => {
  test("with all that Heroku and Dokku have", () => {
    expect(parseAppJson(everything)).toEqual({
      buildpacks: ["heroku/nodejs", "https://git.example.test/apt.git#v2"],
      root: undefined,
      notes: [],
      manifest: {
        env: {
          SECRET_KEY: { ...optional, description: "signs cookies", isGenerated: true },
          GREETING: { ...optional, value: "hi" },
          MAIL_KEY: { ...optional, description: "of the mail service" },
          DEBUG: { ...optional, isRequired: false },
          LEVEL: { ...optional, value: "info" },
        },
        formation: { web: { quantity: 2, memoryMb: 1024 }, worker: { quantity: 0, memoryMb: 256 } },
        checks: {},
        scripts: { predeploy: "bin/assets", postdeploy: "bin/announce", firstDeploy: "bin/seed" },
        cron: [
          { command: "bin/report --all", schedule: "0 4 * * 1" },
          { command: "bin/x", schedule: "@daily" },
        ],
      },
    });
  });

  test("that is empty asks for nothing", () => {
    expect(parseAppJson("{}")).toEqual({ buildpacks: [], root: undefined, notes: [], manifest: emptyManifest });
  });

  test.each([
    [
      '{"formations": {}}',
      'app.json line 1: "formations" is no key that is known, and is passed over; is "formation" meant?',
    ],
    ['{\n"extra": 1}', 'app.json line 2: "extra" is no key that is known, and is passed over'],
    [
      '{"addons": ["heroku-postgresql"]}',
      "app.json: addons are not made by a push; see paas marketplace and paas create-service",
    ],
    ['{"env": {"PORT": "80"}}', "app.json: PORT is set by the platform and passed over"],
    ['{"formation": {"web": {"max_parallel": 2}}}', "app.json: formation.web.max_parallel has no effect here"],
    [
      '{"healthchecks": {"web": [{"path": "/", "onFailure": {"url": "http://x"}}]}}',
      "app.json: healthchecks.web[0].onFailure is not run; failures are in paas logs",
    ],
  ])("%j is read, with a note", (text, note) => {
    expect(parseAppJson(text).notes).toEqual([note]);
  });

  test("never fails in another way than with a message for the user", () => {
    fc.assert(fc.property(fc.json(), (text) => typeof problemOf(text) === "string"));
    fc.assert(fc.property(fc.string(), (text) => typeof problemOf(text) === "string"));
  });
});

describe("healthchecks of app.json", () => {
  const checksOf = (list: string) => parseAppJson(`{"healthchecks": {"web": ${list}}}`).manifest.checks["web"];
  const check = { name: "check-1", attempts: 3, timeoutMs: 5000, waitMs: 5000, initialDelayMs: 0, warn: false };
  const path = { kind: "path", path: "/", port: undefined, content: undefined, headers: {} };

  test("have Dokku's defaults, and a window of their own only when they say something about it", () => {
    expect(checksOf('[{"type": "startup", "path": "/up"}]')).toEqual({
      startup: [{ ...check, probe: { ...path, path: "/up" } }],
    });
    expect(checksOf('[{"path": "/up", "attempts": 6, "timeout": 2, "wait": 3, "initialDelay": 10}]')).toEqual({
      startup: [
        {
          ...check,
          attempts: 6,
          timeoutMs: 2000,
          waitMs: 3000,
          initialDelayMs: 10_000,
          probe: { ...path, path: "/up" },
        },
      ],
      bootTimeoutMs: 40_000,
    });
  });

  test("may ask for content, with headers, on another port, by a command, and for time", () => {
    const text = `[
      {"name": "page", "path": "/a?b=1", "content": "ok", "port": 9000, "httpHeaders": [{"name": "X-Check", "value": "1"}]},
      {"type": "liveness", "command": ["/bin/alive", "--fast"]},
      {"type": "readiness", "listening": true, "warn": true},
      {"uptime": 20}
    ]`;
    expect(checksOf(text)).toEqual({
      startup: [
        {
          ...check,
          name: "page",
          probe: { kind: "path", path: "/a?b=1", port: 9000, content: "ok", headers: { "x-check": "1" } },
        },
      ],
      liveness: [{ ...check, name: "check-2", probe: { kind: "command", argv: ["/bin/alive", "--fast"] } }],
      readiness: [{ ...check, name: "check-3", probe: { kind: "listening", port: undefined }, warn: true }],
      settleMs: 20_000,
    });
  });
});

const correct = "Correct the JSON there, commit and push again.";
const listCheck = 'Write: "healthchecks": {"web": [{"type": "startup", "path": "/health", "attempts": 3}]}';
const fields = "Minute, hour, day, month, day of the week: 0 4 * * 1";

describe("an app.json is refused", () => {
  test.each([
    ["", "app.json line 1: the file is empty. | Write {} into it, or remove it."],
    ["{\n<<<<<<< HEAD\n", "app.json line 2: this is a merge conflict. | Keep one side, remove the markers and commit."],
    ["{\n", `app.json line 2: a closing } is missing. | ${correct}`],
    ['{"a": 1\n"b": 2}', `app.json line 2: a comma is missing before this. | ${correct}`],
    ['{"a" 1}', `app.json line 1: a colon is missing after the key. | ${correct}`],
    ['{\n"env": {"A": }}', `app.json line 2: a value is missing here. | ${correct}`],
    ["{a: 1}", `app.json line 1: this is not JSON; texts stand in double quotes. | ${correct}`],
    ["{} x", `app.json line 1: this is not JSON; texts stand in double quotes. | ${correct}`],
    ["[]", 'app.json line 1: a list stands where an object is expected. | The file is an object: { "formation": … }'],
    [
      '{"env": {"A": "1",\n"A": "2"}}',
      "app.json line 2, env.A: it stands there already, on line 1. | Remove one of the two.",
    ],
    [
      '{"env": {"A-B": "1"}}',
      "app.json line 1, env.A-B: it is not a name for a config var. | Use letters, digits and underscores, not a digit first.",
    ],
    [
      '{"env": {\n"A": {"value": 8080}}}',
      'app.json line 2, env.A.value: 8080 is not a text. | Write it in double quotes: "value": "8"',
    ],
    [
      '{"env": {"A": {"generator": "uuid"}}}',
      'app.json line 1, env.A.generator: there is no generator "uuid". | The one that exists is "secret".',
    ],
    [
      '{"env": {"A": {"required": "yes"}}}',
      'app.json line 1, env.A.required: "yes" is neither true nor false. | Write true or false.',
    ],
    [
      '{"formation": {"web": {\n"quantity": "2"}}}',
      'app.json line 2, formation.web.quantity: "2" is not a whole number from 0 to 100. | Write a number without quotes.',
    ],
    [
      '{"formation": {"web": 2}}',
      'app.json line 1, formation.web: 2 stands where an object is expected. | Write: "formation": {"web": {"quantity": 2, "size": "512M"}}',
    ],
    [
      '{"formation": {"release": {"quantity": 1}}}',
      "app.json line 1, formation.release: the release phase is not scaled. | Remove it: it runs once for each release.",
    ],
    [
      '{"formation": {"web": {"size": "huge"}}}',
      'app.json line 1, formation.web.size: "huge" is not a size. | Write memory like 512M or 1G, or one of: free, eco, hobby, basic, standard-1x, standard-2x, performance-m, performance-l.',
    ],
    [
      '{"scripts": {"dokku": {"deploy": "x"}}}',
      'app.json line 1, scripts.dokku.deploy: there is no such script. | Write: "scripts": {"dokku": {"predeploy": "…", "postdeploy": "…"}, "postdeploy": "…"}',
    ],
    [
      '{"buildpacks": [{"uri": "x"}]}',
      'app.json line 1, buildpacks[0]: it has no url. | Write a name or {"url": "…"}: "buildpacks": [{"url": "heroku/nodejs"}]',
    ],
    [
      '{"cron": [{"command": "x", "schedule": "0 4 * *"}]}',
      `app.json line 1, cron[0].schedule: "0 4 * *" does not have five fields. | ${fields}`,
    ],
    [
      '{"cron": [{"command": "x", "schedule": "61 * * * *"}]}',
      `app.json line 1, cron[0].schedule: "61 * * * *" is no schedule. | ${fields}`,
    ],
    [
      '{"healthchecks": {"web": [{"type": "health", "path": "/"}]}}',
      'app.json line 1, healthchecks.web[0].type: "health" is no type of check. | Use startup, liveness or readiness.',
    ],
    [
      '{"healthchecks": {"web": [{"path": "/", "command": ["x"]}]}}',
      "app.json line 1, healthchecks.web[0]: path and command exclude each other. | Make two checks of it.",
    ],
    [
      '{"healthchecks": {"web": [{"paht": "/"}]}}',
      `app.json line 1, healthchecks.web[0].paht: it is no key of a healthcheck. | ${listCheck}`,
    ],
    [
      '{"healthchecks": {"web": [{"path": "health"}]}}',
      'app.json line 1, healthchecks.web[0].path: "health" is not a path. | Write it like /health',
    ],
    [
      '{"healthchecks": {"web": [{"path": "/", "scheme": "https"}]}}',
      'app.json line 1, healthchecks.web[0].scheme: instances are asked by http only. | Leave scheme out, or check {"listening": true}.',
    ],
    [
      '{"healthchecks": {"web": [{"type": "liveness", "uptime": 5}]}}',
      "app.json line 1, healthchecks.web[0]: uptime is for startup, not for liveness. | Use path, listening or command.",
    ],
  ])("%j", (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });
});
