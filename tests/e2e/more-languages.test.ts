import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../server/core/ids.ts";
import { TestPaas } from "../support/paas.ts";
import { cargoFiles, vendor } from "../support/vendored.ts";

let paas: TestPaas;
beforeAll(async () => {
  paas = await TestPaas.start();
});
afterAll(() => paas[Symbol.asyncDispose]());

interface Example {
  readonly fixture: string;
  /** Makes what cannot be had from the language's own index. */
  readonly vendored?: "ruby.sh" | "php.sh";
  /** Where the word stands that the app answers. */
  readonly file: string;
  readonly word: string;
  readonly answer: string;
  /** Said when dependencies are made: by the first push alone. Maven says nothing of what it fetches. */
  readonly once?: RegExp;
  /** Another app with the same dependencies uses the layer of the first. */
  readonly isShared?: true;
}

const examples: readonly Example[] = [
  {
    fixture: "ruby-sinatra",
    vendored: "ruby.sh",
    file: "app.rb",
    word: "sinatra says",
    answer: "sinatra says hello: hello from C",
    once: /Installing greeting 1\.0\.0 with native extensions/,
  },
  {
    fixture: "php-symfony",
    vendored: "php.sh",
    file: "src/Greeting.php",
    word: "hello from symfony",
    answer: "hello from symfony with apcu",
    once: /Installing symfony\/routing/,
  },
  {
    fixture: "java-spring",
    file: "src/main/java/shop/Application.java",
    word: "hello from spring",
    answer: "hello from spring",
    isShared: true,
  },
  {
    fixture: "rust-axum",
    file: "src/main.rs",
    word: "hello from axum",
    answer: "hello from axum",
    once: /Compiling axum v/,
    isShared: true,
  },
];

/** By hand, since its gems are made first: PAAS_TEST_FRAMEWORKS=rails, or all */
const rails = ["rails"].filter((name) =>
  ["all", name].some((it) => process.env["PAAS_TEST_FRAMEWORKS"]?.split(",").includes(it)),
);

// A machine with much else to do compiles slowly.
const patience = 900_000;

test.each(examples)(
  "$fixture is built with its real dependencies and answers; a change of code brings none again",
  { timeout: patience },
  async (it) => {
    const app = await paas.app(it.fixture, it.fixture);
    if (it.vendored) {
      await vendor(it.vendored, app.dir);
      await app.commit({}, "vendored");
    }
    if (it.vendored === "ruby.sh") {
      // What an earlier run has made of the same gems would be taken again.
      const gemfile = await readFile(path.join(app.dir, "Gemfile"), "utf8");
      await app.commit({ Gemfile: `${gemfile}\n# ${newId()}\n` }, "marked");
    }
    const locks: Readonly<Record<string, string>> = it.fixture === "rust-axum" ? await cargoFiles(paas) : {};
    await app.commit(locks, "locked");
    await paas.cli(["checks:set", "web", "-a", it.fixture, "--boot-timeout", "300"]);
    const push = () => paas.must(["git", "push", "paas", "main"], { cwd: app.dir, timeoutMs: patience });
    const first = await push();
    if (it.once) expect(first.output).toMatch(it.once);
    expect(await app.body()).toBe(it.answer);
    const text = await readFile(path.join(app.dir, it.file), "utf8");
    await app.commit({ [it.file]: text.replace(it.word, "changed") }, "code only");
    const second = await push();
    expect(second.output).toContain("System packages unchanged, reused");
    if (it.once) expect(second.output).not.toMatch(it.once);
    expect(await app.body()).toBe(it.answer.replace(it.word, "changed"));
    if (it.isShared === true) {
      const other = await paas.app(`${it.fixture}-two`, it.fixture);
      await other.commit(locks, "locked");
      await paas.cli(["checks:set", "web", "-a", other.name, "--boot-timeout", "300"]);
      const { output } = await paas.must(["git", "push", "paas", "main"], { cwd: other.dir, timeoutMs: patience });
      expect(output).toContain("Dependencies unchanged, reused");
      if (it.once) expect(output).not.toMatch(it.once);
      expect(await other.body()).toBe(it.answer);
    }
    await paas.cli(["apps:destroy", it.fixture, "--confirm", it.fixture]);
  },
);

test.each(rails)("%s is built with its assets, gets its secret, and answers", { timeout: patience }, async (name) => {
  const app = await paas.app(name, "ruby-rails");
  await vendor("rails.sh", app.dir);
  await app.commit({}, "vendored");
  const push = () => paas.must(["git", "push", "paas", "main"], { cwd: app.dir, timeoutMs: patience });
  expect((await push()).output).toContain("Setting config vars: SECRET_KEY_BASE (made)");
  const first = await app.get();
  expect(first.body).toMatch(/hello from rails 7[^]*visit 1, with SQLite 3/);
  const [, sheet = ""] = /href="(.*\.css)"/.exec(first.body) ?? [];
  expect(await app.body(sheet)).toMatch(/teal; background: url\("\/assets\/dot-[0-9a-f]+\.svg"\)/);
  const view = "app/views/pages/home.html.erb";
  const text = await readFile(path.join(app.dir, view), "utf8");
  await app.commit({ [view]: text.replace("hello from rails", "changed") }, "code only");
  const second = await push();
  expect(second.output).toContain("Dependencies unchanged, reused");
  expect(second.output).not.toContain("(made)");
  // A session of before is still one: the secret is the same.
  const cookie = String(first.headers["set-cookie"]).split(";")[0] ?? "";
  expect((await paas.request(app.host, "/", { headers: { cookie } })).body).toMatch(/changed 7[^]*visit 2/);
  await paas.cli(["apps:destroy", name, "--confirm", name]);
});
