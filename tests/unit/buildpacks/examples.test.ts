import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { buildpacks } from "../../../buildpacks/index.ts";
import { decide } from "../../../server/builds/detect.ts";
import { parseProcfile } from "../../../server/builds/procfile.ts";
import type { SourceView } from "../../../server/builds/plan.ts";
import { directorySource, memorySource } from "../../../server/builds/source-view.ts";
import { goodPlan } from "./planning.ts";

const apps = path.resolve(import.meta.dirname, "../../fixtures/apps");
// Made by the tools at build time, since they would name a package index.
const names = '[[package]]\nname = "flask"\n\n[[package]]\nname = "gunicorn"\n';
const lockfiles: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "python-uv": { "uv.lock": names },
  "python-poetry": { "poetry.lock": names },
  "rust-axum": {
    "Cargo.lock":
      'version = 4\n\n[[package]]\nname = "axum"\nversion = "0.8.9"\nsource = "registry+index"\n\n[[package]]\nname = "hello-axum"\nversion = "0.1.0"\ndependencies = [\n "axum",\n]\n',
  },
  "php-symfony": { "composer.lock": "{}", "packages/monolog-monolog.zip": "" },
  "ruby-rails": {
    "Gemfile.lock":
      "GEM\n  remote: https://rubygems.test/\n  specs:\n    propshaft (1.1.0)\n    puma (6.6.0)\n    railties (7.2.2)\n    sqlite3 (1.7.3)\n",
    "vendor/cache/puma-6.6.0.gem": "",
  },
  "ruby-sinatra": {
    "Gemfile.lock": "GEM\n  remote: https://rubygems.test/\n  specs:\n    puma (6.6.0)\n    sinatra (4.1.1)\n",
    "vendor/cache/puma-6.6.0.gem": "",
  },
};

function example(name: string): SourceView {
  const real = directorySource(path.join(apps, name));
  const lockfile = lockfiles[name];
  if (lockfile === undefined) return real;
  const lock = memorySource(lockfile);
  return {
    has: (file) => lock.has(file) || real.has(file),
    read: (file) => lock.read(file) ?? real.read(file),
    list: (folder) => [...new Set([...real.list(folder), ...lock.list(folder)])].toSorted(),
  };
}

const planned = readdirSync(apps).filter((name) => !name.startsWith("dockerfile-"));

test.each(planned)("the plan of the example app %s is as recorded", async (name) => {
  const plan = goodPlan(example(name));
  expect(structuredClone(plan)).toEqual(plan);
  await expect(stringify(plan, { lineWidth: 0 })).toMatchFileSnapshot(`snapshots/${name}.yaml`);
});

test.each(planned)("the example app %s has a web process", (name) => {
  const source = example(name);
  const procfile = source.read("Procfile");
  const processes = procfile === undefined ? goodPlan(source).processes : parseProcfile(procfile);
  expect(processes.map((p) => p.type)).toContain("web");
});

test("an app with a Dockerfile is built from it", () => {
  expect(decide(example("dockerfile-python"), { buildpacks })).toEqual({
    kind: "dockerfile",
    path: "Dockerfile",
    notes: [],
  });
});
