import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { pathsOf } from "../../server/config/config.ts";
import { waitFor } from "../../server/core/time.ts";
import { runCommand } from "../support/commands.ts";
import { TestPaas, launcher, type TestApp } from "../support/paas.ts";
import { note, timed } from "./figures.ts";

// Medians of real use through the client: git, the CLI and HTTP, nothing inside the daemon is asked.

const rounds = 7;

/** From `git push` to the new text in an answer through the router. */
async function pushUntilAnswered(app: TestApp, text: string, files: Readonly<Record<string, string>>): Promise<number> {
  await app.commit(files, text);
  return await timed(async () => {
    await app.mustPush();
    await waitFor(async () => (await app.get()).body.includes(text), {
      every: 20,
      signal: AbortSignal.timeout(60_000),
    });
  });
}

const hello = (text: string) =>
  `require("node:http").createServer((q, s) => s.end(${JSON.stringify(text)})).listen(process.env.PORT);\nprocess.on("SIGTERM", () => process.exit(0));\n`;
const express = (text: string) =>
  `const app = require("express")();\napp.get("/", (q, s) => s.send(${JSON.stringify(text)}));\napp.listen(process.env.PORT);\nprocess.on("SIGTERM", () => process.exit(0));\n`;

async function pushes(
  paas: TestPaas,
  name: string,
  fixture: string,
  file: string,
  source: (text: string) => string,
  aim: string,
): Promise<TestApp> {
  const app = await paas.app(name, fixture);
  note(`${fixture}: first push`, [await timed(() => app.mustPush())], "");
  const values: number[] = [];
  for (let i = 0; i < rounds; i += 1) {
    const text = `${name} ${i} ${Date.now()}`;
    values.push(await pushUntilAnswered(app, text, { [file]: source(text) }));
  }
  note(`${fixture}: code-only push to new version answering`, values, aim);
  return app;
}

async function verbs(paas: TestPaas): Promise<void> {
  const cli: number[] = [];
  const node: number[] = [];
  for (let i = 0; i < 15; i += 1) {
    cli.push(await timed(() => runCommand([launcher, "apps"], { env: paas.env })));
    node.push(await timed(() => runCommand([process.execPath, "-e", "0"], { env: paas.env })));
  }
  note("paas apps, wall", cli, "aim 0.15 s");
  note("bare node -e 0, wall", node, "");
}

async function rssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

export async function benchPlatform(): Promise<void> {
  await using paas = await TestPaas.start();
  await delay(2000);
  const routerPid = Number(await readFile(pathsOf(paas.home).routerPidFile, "utf8"));
  const [daemon, router] = [await rssMb(paas.pid), await rssMb(routerPid)];
  note("idle memory, daemon", [daemon], "", "MB");
  note("idle memory, router", [router], "", "MB");
  note("idle memory, both", [daemon + router], "aim 150 MB", "MB");

  const app = await pushes(paas, "plain", "node-hello", "server.js", hello, "aim 2.5 s");
  await pushes(paas, "express", "node-express", "index.js", express, "aim 3 s");

  const rollbacks: number[] = [];
  for (let i = 0; i < 5; i += 1) rollbacks.push(await timed(() => app.mustCli("rollback")));
  note("rollback", rollbacks, "");
  const scales: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    scales.push(await timed(() => app.mustCli("ps:scale", "web=5")));
    await app.mustCli("ps:scale", "web=1");
  }
  note("scale web from 1 to 5", scales, "");
  await verbs(paas);
}
