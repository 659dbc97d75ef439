import { waitFor } from "../../server/core/time.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";
import { note, timed } from "./figures.ts";

// What a push takes, cold beside warm. Everything is measured from `git push` to the new text in an answer through the router.

/** For a look whether it runs: BENCH_ROUNDS=1 */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const server = (express: boolean, text: string) =>
  `${express ? 'require("express");\n' : ""}require("node:http").createServer((q, s) => s.end(${JSON.stringify(text)})).listen(process.env.PORT);\nprocess.on("SIGTERM", () => process.exit(0));\n`;

async function pushed(app: TestApp, text: string, files: Readonly<Record<string, string>>): Promise<number> {
  await app.commit(files, text);
  return await answered(app, text);
}

function answered(app: TestApp, text: string): Promise<number> {
  return timed(async () => {
    await app.mustPush();
    await waitFor(async () => (await app.get()).body.includes(text), {
      every: 20,
      signal: AbortSignal.timeout(60_000),
    });
  });
}

async function repeat(work: (round: number) => Promise<number>): Promise<readonly number[]> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round += 1) values.push(await work(round));
  return values;
}

/** `"express": "^5.1.0"` with a range that nothing was installed for yet; npm finds the same package. */
function manifest(round: number): string {
  const stamp = `${Date.now()}`.slice(-6);
  return JSON.stringify({
    name: "bench",
    dependencies: { express: `>=5.0.0 <5.${100 + round}.${stamp}` },
    scripts: { start: "node index.js" },
  });
}

export async function benchBuilds(): Promise<void> {
  await using paas = await TestPaas.start();
  const plain = await paas.app("plain", "node-hello");
  note("no packages: first push", [await timed(() => plain.mustPush())], "");
  note(
    "no packages: code-only push",
    await repeat((n) => pushed(plain, `plain ${n}`, { "server.js": server(false, `plain ${n}`) })),
    "aim 2.5 s",
  );

  const cold = manifest(50);
  const many = await paas.app("many", { "package.json": cold, "index.js": server(true, "cold") });
  note("71 packages: first push, nothing cached", [await answered(many, "cold")], "");
  note(
    "71 packages: code-only push",
    await repeat((n) => pushed(many, `many ${n}`, { "index.js": server(true, `many ${n}`) })),
    "aim 3 s",
  );
  note(
    "71 packages: dependencies changed, from npm's own cache",
    await repeat((n) =>
      pushed(many, `changed ${n}`, { "package.json": manifest(n), "index.js": server(true, `changed ${n}`) }),
    ),
    "",
  );
  await many.commit({ "package.json": cold, "index.js": server(true, "back") }, "back");
  await many.mustPush();
  const others = await repeat(async (n) => {
    const other = await paas.app(`other${n}`, { "package.json": cold, "index.js": server(true, `other ${n}`) });
    return await answered(other, `other ${n}`);
  });
  note("71 packages: first push of another app with the same", others, "");

  const known = await repeat(async (n) => {
    await pushed(many, `known ${n}`, { "index.js": server(true, `known ${n}`) });
    await many.mustCli("rollback");
    return await answered(many, `known ${n}`);
  });
  note("71 packages: push of a commit whose droplet is there", known, "builds nothing");
}
