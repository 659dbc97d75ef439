import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.join(import.meta.dirname, "..");
const paas = path.join(root, "cli", "paas");
const keep = process.argv.includes("--keep");
const httpPort = 8080;

const dir = await mkdtemp(path.join(tmpdir(), "paas-demo-"));
const home = path.join(dir, "home");
const app = path.join(dir, "hello");
const env: NodeJS.ProcessEnv = {
  ...process.env,
  PAAS_HOME: home,
  PAAS_DOMAIN: "localhost",
  PAAS_LISTEN: "127.0.0.1",
  PAAS_HTTP_PORT: String(httpPort),
  PAAS_HTTPS_PORT: "8443",
  PAAS_ACME_DIRECTORY: "off",
  PAAS_SSH_PORT: "2222",
  PAAS_API_PORT: "7070",
  GIT_AUTHOR_NAME: "demo",
  GIT_AUTHOR_EMAIL: "demo@localhost",
  GIT_COMMITTER_NAME: "demo",
  GIT_COMMITTER_EMAIL: "demo@localhost",
  GIT_TERMINAL_PROMPT: "0",
};

interface Done {
  readonly title: string;
  readonly seconds: number;
}
const done: Done[] = [];

async function step(title: string, work: () => Promise<void>): Promise<void> {
  process.stdout.write(`\n=== ${title}\n`);
  const began = performance.now();
  await work();
  done.push({ title, seconds: (performance.now() - began) / 1000 });
}

/** Shows the command and its output; fails when it does. */
function run(argv: readonly string[], cwd = app): Promise<void> {
  const [program = "", ...args] = argv;
  process.stdout.write(`$ ${argv.map((word) => (word === paas ? "paas" : word)).join(" ")}\n`);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "inherit", "inherit"] });
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`${argv.join(" ")} ended with ${code}`))));
  });
}

/** Fetches by the router, as a browser would with this host name. */
function fetchPage(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port: httpPort, path: "/", headers: { host } }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () =>
        response.statusCode === 200
          ? resolve(body)
          : reject(new Error(`${host} answered ${response.statusCode}: ${body}`)),
      );
    });
    request.setTimeout(10_000, () => request.destroy(new Error(`${host} did not answer`)));
    request.once("error", reject);
  });
}

async function show(host: string): Promise<void> {
  process.stdout.write(`$ curl http://${host}:${httpPort}/\n${await fetchPage(host)}`);
}

async function main(): Promise<void> {
  await mkdir(app, { recursive: true });
  await cp(path.join(root, "demo", "app"), app, { recursive: true });
  await step("The machine: engine and stack", () => run([paas, "doctor", "--fix"], dir));
  await step("The daemon and the router", () => run([paas, "up", "--detach"], dir));
  await step("A sample app in a git repository", async () => {
    await run(["git", "init", "-q", "-b", "main"]);
    await run(["git", "add", "-A"]);
    await run(["git", "commit", "-q", "-m", "Hello"]);
    await run([paas, "apps:create", "hello"]);
  });
  await step("The first push", () => run(["git", "push", "paas", "main"]));
  await step("The page, through the router", () => show("hello.localhost"));
  await step("Two web instances and a worker", () => run([paas, "ps:scale", "web=2", "worker=1"]));
  await step("A config var, a release", () => run([paas, "config:set", "GREETING=Good day."]));
  await step("A route of its own", async () => {
    await run([paas, "map-route", "hello", "www.hello.test"]);
    await show("www.hello.test");
  });
  await step("What runs", async () => {
    await run([paas, "ps"]);
    await run([paas, "releases"]);
    await run([paas, "logs", "--recent", "-n", "12"]);
  });
}

async function cleanUp(): Promise<void> {
  await run([paas, "apps:destroy", "hello", "--confirm", "hello"], dir).catch(() => undefined);
  await run([paas, "down"], dir).catch(() => undefined);
  await rm(dir, { recursive: true, force: true });
}

function report(): void {
  process.stdout.write("\n=== Done\n");
  for (const { title, seconds } of done) process.stdout.write(`${seconds.toFixed(1).padStart(7)} s  ${title}\n`);
  if (!keep)
    return void process.stdout.write("\nAll of it was removed again. Keep it running with: npm run demo -- --keep\n");
  process.stdout.write(`\nIt keeps running: http://hello.localhost:${httpPort}/\n`);
  process.stdout.write(`The app: ${app}\nStop it with: PAAS_HOME=${home} cli/paas down\n`);
}

try {
  await main();
  if (!keep) await cleanUp();
  report();
} catch (err) {
  process.stderr.write(`\nThe demo failed: ${err instanceof Error ? err.message : String(err)}\n`);
  process.stderr.write(`Its state is in ${dir}; the daemon's log in ${path.join(home, "paasd.log")}\n`);
  process.exitCode = 1;
}
