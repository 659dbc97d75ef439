import fc from "fast-check";
import { expect, test } from "vitest";
import { Masker, maskOutput, secretsOf } from "../../../server/builds/masking.ts";
import { LineOutput } from "../../../server/core/output.ts";

function masked(secrets: readonly string[], chunks: readonly string[]): string {
  const masker = new Masker(secrets);
  return chunks.map((chunk) => masker.push(chunk)).join("") + masker.flush();
}

test("a secret is masked wherever it stands", () => {
  expect(masked(["hunter2hunter2"], ["a hunter2hunter2 b hunter2hunter2"])).toBe("a *** b ***");
});

test("a secret that two chunks share is masked", () => {
  expect(masked(["hunter2hunter2"], ["key=hunt", "er2hunt", "er2\n"])).toBe("key=***\n");
});

test("text that only begins like a secret is shown in the end", () => {
  expect(masked(["hunter2hunter2"], ["the hunt", "ing party"])).toBe("the hunting party");
  expect(masked(["hunter2hunter2"], ["the hunt"])).toBe("the hunt");
});

test("of two secrets the longer leaves no tail, whatever their order", () => {
  for (const secrets of [
    ["abcdefgh", "abcdefghijkl"],
    ["abcdefghijkl", "abcdefgh"],
  ]) {
    expect(masked(secrets, ["x abcdefgh", "ijkl y"])).toBe("x *** y");
  }
});

test("overlapping secrets leave nothing of either", () => {
  expect(masked(["abcdefgh", "efghijkl"], ["-abcdefghijkl-"])).toBe("-***-");
});

test("how the text is cut into chunks makes no difference", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 4 }),
      fc.array(letters, { maxLength: 20 }),
      (secrets, chunks) => {
        expect(masked(secrets, chunks)).toBe(masked(secrets, [chunks.join("")]));
      },
    ),
  );
});

test("no secret of the input is left in the output", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 2, maxLength: 6 });
  fc.assert(
    fc.property(
      fc.array(letters, { minLength: 1, maxLength: 4 }),
      fc.array(letters, { maxLength: 20 }),
      (secrets, chunks) => {
        const shown = masked(secrets, chunks);
        for (const secret of secrets) expect(shown).not.toContain(secret);
      },
    ),
  );
});

test("endless repetition is not kept in memory", () => {
  const masker = new Masker(["aaaaaaaa"]);
  for (let i = 0; i < 100; i++) masker.push("a".repeat(10_000));
  expect(masker.flush().length).toBeLessThan(100);
});

test("short values and the name of the environment are no secrets", () => {
  expect(secretsOf({ A: "1", NODE_ENV: "production", TOKEN: "s3cr3t-token" })).toEqual(["s3cr3t-token"]);
});

test("the password of a URL and each long line of a value are secrets of their own", () => {
  const found = secretsOf({ DB: "postgres://shop:pa%40ssword1@db:5432/shop", KEY: "-----BEGIN-----\nMIIEvQIBADAN\n" });
  expect(found).toEqual(expect.arrayContaining(["pa%40ssword1", "pa@ssword1", "MIIEvQIBADAN"]));
});

test("a masked output shows no secret in details, problems or raw bytes", () => {
  const lines: string[] = [];
  const lineOutput = new LineOutput((line) => lines.push(line));
  const out = maskOutput(lineOutput, ["sëcret-value"]);
  const bytes = new TextEncoder().encode("key sëcret-value end");
  for (const byte of bytes) out.raw(Uint8Array.of(byte));
  out.detail("is sëcret-value");
  out.problem("no sëcret-value");
  out.raw("ends sëcret-v");
  out.raw("alue");
  out.flush();
  lineOutput.flush();
  expect(lines).toEqual(["       key *** end", "       is ***", " !     no ***", "       ends ***"]);
});

test("credentials within VCAP_SERVICES are secrets, where the service is is none", () => {
  const services = {
    redis: [{ name: "sessions-of-shop", credentials: { host: "sessions.internal", password: "s3cret-of-redis" } }],
    "user-provided": [{ name: "mail", credentials: { uri: "smtp://me:pass-of-mail@mail.example.test" } }],
  };
  const secrets = secretsOf({ VCAP_SERVICES: JSON.stringify(services) });
  expect(secrets).toEqual(expect.arrayContaining(["s3cret-of-redis", "pass-of-mail"]));
  expect(secrets).not.toContain("sessions.internal");
  expect(secrets).not.toContain("sessions-of-shop");
});
