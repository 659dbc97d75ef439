import { describe, expect, test } from "vitest";
import { allows } from "../../../buildpacks/php/versions.ts";
import { buildCommands, commandsOf, type Files, goodPlan, refusalOf } from "./planning.ts";

const json = (value: unknown) => JSON.stringify(value);
const slim = { "composer.json": json({ require: { "slim/slim": "^4" } }), "composer.lock": json({ packages: [] }) };

describe("a PHP app", () => {
  test("of plain files is served from the top of the repository, with nothing to install", () => {
    const plan = goodPlan({ "index.php": "<?php" });
    expect(plan.layers.map((l) => l.name)).toEqual(["server"]);
    expect(plan.build).toBeUndefined();
    expect(plan.system?.build).toEqual([]);
    expect(plan.processes).toEqual([{ type: "web", command: "/opt/php/bin/serve" }]);
    expect(plan.notes).toEqual(["Serving the top of the repository"]);
  });

  test("with Composer has its packages in a layer, its autoloader made on every push", () => {
    const plan = goodPlan(slim);
    expect(plan.layers.map((l) => [l.name, l.files, l.keep])).toEqual([
      ["server", [], ["/opt/php"]],
      ["dependencies", ["composer.json", "composer.lock"], ["/app/vendor"]],
    ]);
    expect(commandsOf(plan, "dependencies")).toEqual([
      "composer install --no-dev --prefer-dist --no-progress --no-scripts --no-autoloader",
    ]);
    expect(buildCommands(plan)).toEqual(["composer dump-autoload --no-dev --optimize"]);
    expect(plan.system?.build).toEqual(["composer"]);
  });

  test("has its scripts run, and packages of its own folders in the layer", () => {
    const manifest = {
      require: { "shop/core": "*" },
      repositories: [{ type: "path", url: "./packages/*" }],
      scripts: { compile: "@php build.php", "post-install-cmd": "@auto-scripts" },
    };
    const plan = goodPlan({ ...slim, "composer.json": json(manifest), "packages/core/composer.json": "{}" });
    expect(buildCommands(plan).slice(1)).toEqual([
      "composer run-script --no-dev post-install-cmd",
      "composer run-script --no-dev compile",
    ]);
    expect(plan.layers[1]?.files).toContain("packages");
    expect(plan.layers[1]?.commands[0]?.withConfig).toBe(false);
  });

  test("with a private repository has the config vars while it installs", () => {
    const manifest = { require: { "a/b": "*" }, repositories: { own: { type: "composer", url: "https://a.test" } } };
    const plan = goodPlan({ ...slim, "composer.json": json(manifest) });
    expect(plan.layers[1]?.commands[0]?.withConfig).toBe(true);
  });

  test.each<readonly [string, Files, string]>([
    ["public", { ...slim, "public/index.php": "" }, "Serving public/"],
    ["web", { ...slim, "web/index.php": "" }, "Serving web/"],
    ["the top", { ...slim, "index.php": "" }, "Serving the top of the repository"],
  ])("is served from %s", (_name, files, note) => {
    expect(goodPlan(files).notes).toEqual([note]);
  });

  test("of a framework gets that framework's settings", () => {
    const laravel = {
      "composer.json": json({ require: { "laravel/framework": "^12" } }),
      "composer.lock": "{}",
      "public/index.php": "",
      artisan: "",
    };
    const plan = goodPlan(laravel);
    expect(plan.env).toEqual({ LOG_CHANNEL: "stderr" });
    expect(plan.notes).toEqual(["Serving public/", expect.stringContaining("APP_KEY")]);
    const symfony = { "composer.json": json({ require: { "symfony/framework-bundle": "^7" } }), "composer.lock": "{}" };
    expect(goodPlan(symfony).env).toEqual({ APP_ENV: "prod", APP_DEBUG: "0" });
  });

  test("has the extensions that it and its packages ask for", () => {
    const files = {
      "composer.json": json({ require: { "ext-redis": "*", "ext-pdo_mysql": "*", "ext-json": "*", "a/b": "*" } }),
      "composer.lock": json({ packages: [{ name: "a/b", require: { "ext-gd": "*", "ext-dom": "*" } }] }),
    };
    const run = goodPlan(files).system?.run ?? [];
    expect(run).toEqual(expect.arrayContaining(["php8.4-redis", "php8.4-mysql", "php8.4-gd", "php8.4-xml"]));
    expect(run.filter((name) => /json|dom/.test(name))).toEqual([]);
  });
});

describe("a constraint of Composer's", () => {
  test.each([
    ["^8.1", true],
    ["^7.4 || ^8.0", true],
    ["^7.4|^8.0", true],
    [">=8.1", true],
    [">= 8.1 < 8.5", true],
    [">=8.1,<8.4", false],
    ["~8.2", true],
    ["~8.3.0", false],
    ["8.4.*", true],
    ["8.*", true],
    ["8.3.*", false],
    ["8.4.1", true],
    ["8.2 - 8.4", true],
    ["7.0 - 8.3", false],
    ["^7.4", false],
    [">=8.5", false],
    ["*", true],
    ["^8.1@stable", true],
  ])("%s lets 8.4 in: %s", (constraint, answer) => {
    expect(allows(constraint, "8.4")).toBe(answer);
  });
});

describe("a PHP repository is refused", () => {
  test.each<readonly [string, Files, string]>([
    [
      "without a lockfile",
      { "composer.json": json({ require: { "slim/slim": "^4" } }) },
      "composer.json requires packages, but there is no composer.lock. | Run composer update, commit composer.lock and push again.",
    ],
    [
      "with another PHP",
      { "composer.json": json({ require: { php: "~8.2.0" } }) },
      "composer.json asks for PHP ~8.2.0, which cannot be had. | PHP 8.4 can: allow it there (and run composer update), or bring your own with a Dockerfile.",
    ],
    [
      "with a package for another PHP",
      {
        "composer.json": json({ require: { "a/b": "*" } }),
        "composer.lock": json({ packages: [{ name: "a/b", require: { php: "<8.4" } }] }),
      },
      "a/b in composer.lock asks for PHP <8.4, which cannot be had. | PHP 8.4 can: allow it there (and run composer update), or bring your own with a Dockerfile.",
    ],
    [
      "with an extension that there is not",
      { "composer.json": json({ require: { "ext-swoole": "*" } }) },
      "composer.json or composer.lock asks for ext-swoole, which cannot be had. | Debian has no package of it for this PHP: do without, or bring your own with a Dockerfile.",
    ],
    [
      "with a manifest that is no JSON",
      { "composer.json": "{" },
      "composer.json is not valid JSON. | Run composer validate, correct it and push again.",
    ],
  ])("%s", (_name, files, text) => {
    expect(refusalOf(files)).toBe(text);
  });
});
