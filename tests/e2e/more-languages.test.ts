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
