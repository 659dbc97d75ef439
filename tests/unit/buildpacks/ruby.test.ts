import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { parseLockfile } from "../../../buildpacks/ruby/gemfile.ts";
import { commandsOf, type Files, goodPlan, refusalOf } from "./planning.ts";

const source = 'source "https://rubygems.test"\n';
const lock = (...gems: readonly string[]) =>
  `GEM\n  remote: https://rubygems.test/\n  specs:\n${gems.map((gem) => `    ${gem} (1.0.0)\n      dep (~> 1)\n`).join("")}\nPLATFORMS\n  ruby\n`;
const app = (...gems: readonly string[]): Files => ({
  Gemfile: source,
  "Gemfile.lock": lock(...gems),
  "config.ru": "run App",
});
const web = (files: Files) => goodPlan(files).processes.find((p) => p.type === "web")?.command;

describe("Gemfile.lock", () => {
  test("is read with its folders, groups of platforms and private indexes", () => {
    const text = `PATH
  remote: engines/blog
  specs:
    blog (0.1.0)
      rails (>= 7)

GEM
  remote: https://rubygems.test/
  remote: https://gems.example/
  specs:
    nokogiri (1.16.0-x86_64-linux)
    rails (7.2.2)

DEPENDENCIES
  blog!
`;
    expect(parseLockfile(text)).toEqual({
      gems: new Set(["blog", "nokogiri", "rails"]),
      folders: ["engines/blog"],
      isPublic: false,
    });
    expect(parseLockfile(lock("rack")).isPublic).toBe(true);
  });
});

describe("a Ruby app", () => {
  test("gets its gems in a layer of the run time, from what a lockfile needs and no more", () => {
    const files = { ...app("puma"), ".ruby-version": "3.3\n", "app.rb": "", "lib/a.rb": "" };
    const plan = goodPlan(files);
    expect(plan.layers.map((l) => [l.name, l.files, l.keep])).toEqual([
      ["dependencies", ["Gemfile", "Gemfile.lock", ".ruby-version"], ["/app/vendor/bundle"]],
    ]);
    expect(commandsOf(plan, "dependencies")).toEqual(["bundle install"]);
    expect(plan.layers[0]?.commands[0]).toMatchObject({ withConfig: false, env: { BUNDLE_DEPLOYMENT: "1" } });
    expect(plan.build).toBeUndefined();
    expect(plan.env).toMatchObject({ BUNDLE_WITHOUT: "development:test", RACK_ENV: "production" });
    expect(plan.system?.run).toEqual(["bundler", "libyaml-0-2", "ruby"]);
  });

  test("with vendored gems asks no index, with a private one has the config vars", () => {
    const vendored = goodPlan({ ...app("puma"), "vendor/cache/puma.gem": "" });
    expect(commandsOf(vendored, "dependencies")).toEqual(["bundle install --local"]);
    expect(vendored.layers[0]?.files).toContain("vendor/cache");
    const privately = {
      ...app("puma"),
      "Gemfile.lock": "GEM\n  remote: https://gems.example/\n  specs:\n    puma (1)\n",
    };
    expect(goodPlan(privately).layers[0]?.commands[0]?.withConfig).toBe(true);
  });

  test("with gems of its own folders has these in the layer", () => {
    const text = `PATH\n  remote: engines/blog\n  specs:\n    blog (1)\n\n${lock("puma")}`;
    const files = { ...app(), "Gemfile.lock": text, "engines/blog/blog.gemspec": "" };
    expect(goodPlan(files).layers[0]?.files).toEqual(["Gemfile", "Gemfile.lock", "engines/blog"]);
  });

  test("has the libraries that its gems link to", () => {
    const { system } = goodPlan(app("puma", "mysql2", "execjs"));
    expect(system?.build).toContain("libmariadb-dev");
    expect(system?.run).toEqual(expect.arrayContaining(["libmariadb3", "nodejs"]));
  });

  test.each<readonly [string, Files, string]>([
    ["puma", app("puma"), "bundle exec puma -p $PORT"],
    ["puma with settings", { ...app("puma"), "config/puma.rb": "" }, "bundle exec puma -C config/puma.rb"],
    ["rackup", app("rackup"), "bundle exec rackup config.ru -o 0.0.0.0 -p $PORT"],
    ["Rails alone", { ...app("railties") }, "bundle exec rails server -b 0.0.0.0 -p $PORT"],
    ["Rails with puma", { ...app("railties", "puma"), "config/puma.rb": "" }, "bundle exec puma -C config/puma.rb"],
    [
      "a program of Sinatra's",
      { Gemfile: source, "Gemfile.lock": lock("sinatra"), "app.rb": 'require "sinatra"\n' },
      "bundle exec ruby app.rb -o 0.0.0.0 -p $PORT",
    ],
  ])("starts by %s", (_name, files, command) => {
    expect(web(files)).toBe(command);
  });

  test("has a worker where a gem says which", () => {
    expect(goodPlan(app("puma", "sidekiq")).processes[1]).toEqual({ type: "worker", command: "bundle exec sidekiq" });
  });
});

describe("a Rails app", () => {
  const rails = app("railties", "puma", "pg");

  test("has its assets made with a secret and a database that are only made up", () => {
    const plan = goodPlan(rails);
    const [command] = plan.build?.commands ?? [];
    expect(command).toMatchObject({
      name: "rake assets:precompile",
      withConfig: true,
      env: {
        RAILS_ENV: "production",
        SECRET_KEY_BASE_DUMMY: "1",
        DATABASE_URL: "postgresql://user:pass@127.0.0.1/none",
      },
    });
    expect(plan.env).toMatchObject({ RAILS_LOG_TO_STDOUT: "enabled", RAILS_SERVE_STATIC_FILES: "enabled" });
    expect(Object.keys(plan.env)).not.toContain("SECRET_KEY_BASE");
  });

  test("that cannot be loaded fails, instead of having no assets", () => {
    const script = goodPlan(rails).build?.commands[0]?.argv[2] ?? "";
    const run = (rake: string) =>
      spawnSync("bash", ["--norc", "-c", `bundle() { ${rake}; }\n${script.replaceAll("/cache/", "/tmp/none-")}`], {
        env: { PATH: process.env["PATH"] ?? "" },
      });
    expect(run("echo no such library >&2; return 1").status).toBe(1);
    const without = run("echo rake db:migrate");
    expect([without.status, without.stdout.toString()]).toEqual([0, "There is no task assets:precompile.\n"]);
  });

  test.each([
    "public/assets/.sprockets-manifest-1.json",
    "public/assets/manifest-1.json",
    "public/assets/.manifest.json",
  ])("has none made when %s is committed", (file) => {
    expect(goodPlan({ ...rails, [file]: "{}" }).build).toBeUndefined();
  });

  test("gets a secret made, unless it brings its own, which wants a key", () => {
    expect(goodPlan(rails)).toMatchObject({ notes: [], secrets: ["SECRET_KEY_BASE"] });
    const encrypted = goodPlan({ ...rails, "config/credentials.yml.enc": "" });
    expect(encrypted.notes).toEqual([expect.stringContaining("RAILS_MASTER_KEY")]);
    expect(encrypted.secrets).toBeUndefined();
  });
});

describe("the Ruby version", () => {
  test.each<readonly [string, string]>([
    ["ruby '~> 3.3.0'", ""],
    ['ruby ">= 3.1", "< 3.5"', ""],
    ["ruby '~> 3.1'", ""],
    ["ruby '3.3.5'", "Gemfile says 3.3.5: using Ruby 3.3 with its security updates."],
  ])("%s can be had", (line, note) => {
    const plan = goodPlan({ ...app("puma"), Gemfile: `${source}${line}\n` });
    expect(plan.notes.join()).toBe(note);
    // Bundler itself insists on the last number.
    expect(plan.layers.map((l) => l.name)).toEqual(note === "" ? ["dependencies"] : ["ruby version", "dependencies"]);
  });

  test("of a version file alone is no matter of Bundler's", () => {
    const plan = goodPlan({ ...app("puma"), ".ruby-version": "ruby-3.3.0\n" });
    expect(plan.layers.map((l) => l.name)).toEqual(["dependencies"]);
    expect(plan.notes).toEqual([".ruby-version says 3.3.0: using Ruby 3.3 with its security updates."]);
  });

  test("that Gemfile takes from a file is", () => {
    const files = { ...app("puma"), Gemfile: `${source}ruby file: ".ruby-version"\n`, ".ruby-version": "3.3.4" };
    expect(goodPlan(files).layers.map((l) => l.name)).toEqual(["ruby version", "dependencies"]);
  });

  test.each<readonly [string, Files]>([
    ["Gemfile asks for Ruby 3.2.2", { Gemfile: 'ruby "3.2.2"' }],
    ["Gemfile asks for Ruby ~> 3.2.0", { Gemfile: "ruby '~> 3.2.0'" }],
    ["Gemfile asks for Ruby >= 3.4", { Gemfile: "ruby '>= 3.4'" }],
    [".ruby-version asks for Ruby 3.4.1", { ".ruby-version": "3.4.1" }],
    [".ruby-version asks for Ruby jruby-9.4", { ".ruby-version": "jruby-9.4" }],
    [".tool-versions asks for Ruby 2.7.8", { ".tool-versions": "nodejs 20\nruby 2.7.8\n" }],
  ])("is refused where %s", (said, files) => {
    expect(refusalOf({ ...app("puma"), ...files })).toBe(
      `${said}, which cannot be had. | Ruby 3.3 can: write ruby "~> 3.3.0" into the Gemfile, or bring your own with a Dockerfile.`,
    );
  });
});

describe("a Ruby repository is refused", () => {
  test.each<readonly [string, Files, string]>([
    [
      "without a lockfile",
      { Gemfile: source },
      "There is no Gemfile.lock. | Run bundle install, commit Gemfile.lock and push again.",
    ],
    [
      "without a server",
      app("rack"),
      "There is a config.ru, but no server for it among the gems: neither puma nor rackup. | Run bundle add puma, commit Gemfile and Gemfile.lock and push again.",
    ],
    [
      "without anything to start",
      { Gemfile: source, "Gemfile.lock": lock("rake") },
      "Nothing says how to start the app: there is no config.ru, no Rails, no Sinatra program and no Procfile. | Commit config.ru, or a Procfile with a line like: web: bundle exec ruby app.rb",
    ],
  ])("%s", (_name, files, text) => {
    expect(refusalOf(files)).toBe(text);
  });
});
