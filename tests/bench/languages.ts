import { readFile } from "node:fs/promises";
import path from "node:path";
import { waitFor } from "../../server/core/time.ts";
import { frameworkApps, word } from "../support/framework-apps.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";
import { cargoFiles, vendor } from "../support/vendored.ts";
import { median, timed } from "./figures.ts";

// For each language and framework an app with real dependencies: from `git push` to the new text in an answer through the router.

/** Of the code-only push, whose median is told. */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
/** `BENCH_LANGUAGES=flask,next` */
const asked = (process.env["BENCH_LANGUAGES"] ?? "").split(",").filter((name) => name !== "");
const patienceMs = 900_000;

interface Example {
  /** Files of their own, or the name of a folder of fixtures. */
  readonly source: string | Readonly<Record<string, string>>;
  /** Before the first push: lockfiles, and what cannot be had from the language's own index. */
  readonly prepare?: (app: TestApp) => Promise<unknown>;
  /** A file, and the text in it that the app answers. */
  readonly says: readonly [file: string, text: string];
  /** A file that the dependencies are keyed by, and how it becomes another one that asks for the same. */
  readonly asks?: readonly [file: string, mark: (text: string) => string];
}

const comment = (text: string): string => `${text}\n# changed\n`;
const blank = (text: string): string => `${text}\n`;
const npmrc = [".npmrc", comment] as const;

function framework(name: string): Example {
  const app = frameworkApps[name];
  if (app === undefined) throw new Error(`there is no framework ${name}`);
  const { files, file, lock } = app;
  const prepare = (made: TestApp) => made.paas.must(lock ?? ["true"], { cwd: made.dir, timeoutMs: patienceMs });
  return { source: files, prepare, says: [file, word], asks: npmrc };
}

const newerGo = (text: string): string => text.replace(/^go .*$/m, "go 1.25.0\n\ntoolchain go1.25.4");

/** Those that take little come first. */
const examples: Readonly<Record<string, Example>> = {
  static: { source: "static-site", says: ["public/index.html", "hello from a static page"] },
  deno: { source: "deno-hono", says: ["main.ts", "hello from deno"], asks: ["deno.json", blank] },
  bun: { source: "bun-hono", says: ["index.ts", "hello from bun"], asks: ["bunfig.toml", comment] },
  fastapi: { source: "python-fastapi", says: ["main.py", "hello from fastapi"], asks: ["requirements.txt", comment] },
  django: {
    source: "python-django",
    says: ["mysite/urls.py", "hello from django"],
    asks: ["requirements.txt", comment],
  },
  flask: {
    source: "python-poetry",
    prepare: (app) => vendor("poetry.sh", app.dir),
    says: ["shop/__init__.py", "hello from poetry"],
    asks: ["pyproject.toml", comment],
  },
  go: {
    source: "go-module",
    prepare: async (app) => app.write({ "go.mod": newerGo(await textOf(app, "go.mod")) }),
    says: ["main.go", "hello from go"],
    asks: ["go.mod", (text) => `${text}\n// changed\n`],
  },
  express: framework("express"),
  vite: { source: "vite-spa", says: ["index.html", "hello from vite"], asks: npmrc },
  symfony: {
    source: "php-symfony",
    prepare: (app) => vendor("php.sh", app.dir),
    says: ["src/Greeting.php", "hello from symfony"],
    asks: ["composer.json", blank],
  },
  sinatra: {
    source: "ruby-sinatra",
    prepare: (app) => vendor("ruby.sh", app.dir),
    says: ["app.rb", "sinatra says"],
    asks: ["Gemfile", comment],
  },
  rails: {
    source: "ruby-rails",
    prepare: (app) => vendor("rails.sh", app.dir),
    says: ["app/views/pages/home.html.erb", "hello from rails"],
    asks: ["Gemfile", comment],
  },
  axum: {
    source: "rust-axum",
    prepare: async (app) => app.write(await cargoFiles(app.paas)),
    says: ["src/main.rs", "hello from axum"],
    asks: ["Cargo.toml", (text) => `${text}changed = []\n`],
  },
  next: framework("next"),
  spring: {
    source: "java-spring",
    says: ["src/main/java/shop/Application.java", "hello from spring"],
    asks: ["pom.xml", (text) => text.replace("<properties>", "<properties><changed>yes</changed>")],
  },
};

/** The seconds of one push that answers the text. */
async function push(app: TestApp, text: string, isReused: boolean): Promise<number> {
  let output = "";
  const seconds = await timed(async () => {
    ({ output } = await app.paas.must(["git", "push", "paas", "main"], { cwd: app.dir, timeoutMs: patienceMs }));
    const signal = AbortSignal.timeout(60_000);
    await waitFor(async () => (await app.get()).body.includes(text), { every: 20, signal });
  });
  if (/(?:Dependencies|Modules) unchanged, reused/.test(output) !== isReused) {
    throw new Error(`dependencies were ${isReused ? "made" : "reused"}:\n${output}`);
  }
  return seconds;
}

/** Cold, from the package manager's cache, and code alone. */
async function measure(paas: TestPaas, name: string): Promise<readonly (number | undefined)[]> {
  const { source, prepare, says, asks } = examples[name] ?? {};
  if (source === undefined || says === undefined) throw new Error("there is no such example");
  const app = await paas.app(name, source);
  await prepare?.(app);
  const [file, text] = says;
  const code = await textOf(app, file);
  const say = (it: string) => app.commit({ [file]: code.replace(text, it) }, it);
  await paas.cli(["checks:set", "web", "-a", name, "--boot-timeout", "300"]);
  // From now on the app takes no layer that another one has made.
  await app.mustCli("builds:cache:purge");
  await say("cold push");
  const cold = await push(app, "cold push", false);
  let warm: number | undefined;
  if (asks !== undefined) {
    const [asking, mark] = asks;
    await app.write({ [asking]: mark(await textOf(app, asking)) });
    await say("warm push");
    warm = await push(app, "warm push", false);
  }
  const changed: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await say(`round ${round}`);
    changed.push(await push(app, `round ${round}`, asks !== undefined));
  }
  await paas.cli(["apps:destroy", name, "--confirm", name]);
  return [cold, warm, median(changed)];
}

function row(name: string, ...cells: readonly string[]): void {
  process.stdout.write(`${name.padEnd(12)}${cells.map((cell) => cell.padStart(12)).join("")}\n`);
}

export async function benchLanguages(): Promise<void> {
  await using paas = await TestPaas.start();
  row("seconds", "cold", "warm", "code only");
  for (const name of asked.length > 0 ? asked : Object.keys(examples)) {
    try {
      const figures = await measure(paas, name);
      row(name, ...figures.map((seconds) => seconds?.toFixed(1) ?? "–"));
    } catch (err) {
      process.exitCode = 1;
      row(name, "failed");
      process.stderr.write(`${err instanceof Error ? err.message : String(err)}\n`);
    }
  }
}

async function textOf(app: TestApp, file: string): Promise<string> {
  return await readFile(path.join(app.dir, file), "utf8").catch(() => "");
}
