import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { beforeAll, expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { tokens } from "../../support/fake-api.ts";
import { fakeState } from "../../support/fake-platform.ts";
import { bundleCli, outcomeOf, startTestApi } from "./setup.ts";

beforeAll(bundleCli);

function git(cwd: string, ...args: readonly string[]): string {
  return execFileSync("git", args, { cwd, encoding: "utf8" }).trimEnd();
}

test("lists apps as columns, and as JSON with --json", async () => {
  await using api = await startTestApi(fakeState("shop", "blog"));
  expect(await api.paas(["apps"])).toEqual({
    code: 0,
    stderr: "",
    stdout: "NAME  RELEASE  URL\nshop  v3       http://shop.localhost\nblog  v3       http://blog.localhost\n",
  });
  const { stdout } = await api.paas(["apps", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject([{ app: { name: "shop" }, version: 3 }, { app: { name: "blog" } }]);
});

test("the daemon's errors are one line and one line of hint, exit code 1", async () => {
  await using api = await startTestApi(fakeState());
  const { code, stdout, stderr } = await api.paas(["apps:info", "shop"]);
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^error: There is no app "shop"\.\n.*paas apps:create shop.*\n$/);
});

test("what is not allowed ends with exit code 4, at once or in a stream", async () => {
  await using api = await startTestApi(fakeState("shop"));
  const env = { PAAS_URL: api.url, PAAS_TOKEN: tokens.bob };
  expect((await api.paas(["apps"], { env })).code).toBe(4);
  expect((await api.paas(["ps:stop", "-a", "shop"], { env })).code).toBe(4);
  expect((await api.paas(["run", "-a", "shop", "ls"], { env })).code).toBe(4);
  const unknown = await api.paas(["apps"], { env: { ...env, PAAS_TOKEN: "unknown" } });
  expect(unknown.code).toBe(4);
  expect(unknown.stderr).toContain("paas login URL");
});

test("a config change streams what happens and ends with the release, without the values", async () => {
  const state = fakeState("shop");
  await using api = await startTestApi(state);
  const { code, stdout } = await api.paas(["config:set", "GREETING=hi there", "-a", "shop"]);
  expect(code).toBe(0);
  expect(stdout).toBe("-----> Creating the release\nSet GREETING: v4\n");
  expect(state.config.get("shop")).toEqual({ GREETING: "hi there" });
  expect((await api.paas(["config:get", "GREETING", "-a", "shop"])).stdout).toBe("hi there\n");
  expect((await api.paas(["config:get", "OTHER", "-a", "shop"])).code).toBe(1);
  expect((await api.paas(["config", "--shell", "-a", "shop"])).stdout).toBe("GREETING='hi there'\n");
  await api.paas(["config:unset", "GREETING", "-a", "shop"]);
  expect(state.config.get("shop")).toEqual({});
});

test("a value from standard input keeps its lines and is not printed", async () => {
  const state = fakeState("shop");
  await using api = await startTestApi(state);
  const { stdout } = await api.paas(["config:set", "--stdin", "KEY", "-a", "shop"], { input: "line 1\nline 2\n" });
  expect(state.config.get("shop")).toEqual({ KEY: "line 1\nline 2" });
  expect(stdout).not.toContain("line 1");
});

test("with --json the standard output of a long verb is the value alone", async () => {
  await using api = await startTestApi(fakeState("shop"));
  const { stdout, stderr } = await api.paas(["rollback", "v2", "-a", "shop", "--json"]);
  expect(JSON.parse(stdout)).toEqual({ version: 4 });
  expect(stderr).toContain("-----> Rolling back");
});

test("the formation is printed in the form that sets it; relative changes count from it", async () => {
  const state = fakeState("shop");
  await using api = await startTestApi(state);
  expect((await api.paas(["ps:scale", "-a", "shop"])).stdout).toBe("web=1 worker=0\n");
  await api.paas(["ps:scale", "web+2", "worker=1", "-a", "shop"]);
  expect(state.done).toEqual(['scale shop {"web":3,"worker":1} by owner']);
});

test("the rest of a day's work reaches the platform as it was typed", async () => {
  const state = fakeState("shop");
  await using api = await startTestApi(state);
  const lines = [
    ["ps:restart", "worker", "-a", "shop"],
    ["ps:stop", "-a", "shop"],
    ["limits:set", "web", "--memory", "1G", "--cpus", "0.5", "-a", "shop"],
    ["builds:limits:set", "--memory", "2G", "--timeout", "30m", "-a", "shop"],
    ["builds:limits:set", "--reset", "-a", "shop"],
    ["builds:dockerfile:set", "--path", "a.Dockerfile", "--secret", "A,B", "-a", "shop"],
    ["builds:dockerfile:set", "--reset", "-a", "shop"],
    ["checks:set", "web", "--no-path", "--settle", "5", "-a", "shop"],
    ["strategy", "recreate", "-a", "shop"],
    ["map-route", "shop", "example.test", "--hostname", "api", "--path", "/v2"],
    ["unmap-route", "shop", "www.example.test"],
    ["bind-service", "shop", "db"],
    ["cups", "mail", "-p", "-"],
    ["delete-service", "db", "--confirm", "db"],
    ["run:detached", "-a", "shop", "node", "job.js", "--all"],
    ["apps:destroy", "shop", "--confirm", "shop"],
  ];
  for (const line of lines) expect(await api.paas(line, { input: '{"uri":"smtp://x"}' })).toMatchObject({ code: 0 });
  expect(state.done).toEqual([
    "restart shop worker",
    "stop shop",
    'limits shop web {"memoryMb":1024,"cpus":0.5}',
    'build limits shop {"memoryBytes":2147483648,"timeoutMs":1800000} by owner',
    "build limits shop undefined by owner",
    'dockerfile shop {"path":"a.Dockerfile","secrets":["A","B"]} by owner',
    "dockerfile shop undefined by owner",
    "checks shop web path,settleMs path=undefined",
    "strategy shop recreate",
    'map shop {"domain":"example.test","hostname":"api","path":"/v2"} by owner',
    'unmap shop {"domain":"www.example.test"}',
    "bind shop db",
    'cups mail {"uri":"smtp://x"}',
    "delete service db db",
    'detached shop ["node","job.js","--all"]',
    "destroy shop by owner",
  ]);
});

test("the app is the one that the git remote names, else the error says both ways", async () => {
  await using api = await startTestApi(fakeState("shop"));
  const lost = await api.paas(["ps"]);
  expect(lost.code).toBe(2);
  expect(lost.stderr).toMatch(/^error: No app is named\.\n.*-a APP.*git:remote.*\n$/);
  const behind = await api.paas(["run", "bash", "-a", "shop"]);
  expect(behind.code).toBe(2);
  expect(behind.stderr).toMatch(/^error: What stands behind a command .*\n.*paas run -a APP COMMAND\n$/);
  git(api.home, "init", "-q");
  git(api.home, "remote", "add", "paas", "ssh://paas@localhost:2222/shop");
  const found = await api.paas(["ps", "--json"]);
  expect(JSON.parse(found.stdout)).toMatchObject({ instances: [{ name: "web.1" }] });
});

test("apps:create makes the git remote over http, and its credential helper answers git", async () => {
  await using api = await startTestApi(fakeState());
  git(api.home, "init", "-q");
  const { code, stdout } = await api.paas(["apps:create", "shop"]);
  expect(code).toBe(0);
  expect(stdout).toContain("git push paas main");
  expect(git(api.home, "config", "remote.paas.url")).toBe("http://127.0.0.1:7070/shop.git");
  const env = { PATH: process.env["PATH"], HOME: api.home, GIT_TERMINAL_PROMPT: "0" };
  const filling = spawn("git", ["credential", "fill"], { cwd: api.home, env });
  filling.stdin.end("protocol=http\nhost=127.0.0.1:7070\n\n");
  expect((await outcomeOf(filling)).stdout).toContain(`password=${tokens.ann}`);
});

test("the credential helper gives nothing to another host", async () => {
  await using api = await startTestApi(fakeState());
  const { stdout } = await api.paas(["git:credential", "get"], { input: "protocol=http\nhost=evil.test\n\n" });
  expect(stdout).toBe("");
});

function makeKey(home: string): { readonly file: string; readonly fingerprint: string } {
  const file = path.join(home, ".ssh", "id_ed25519");
  execFileSync("mkdir", ["-p", path.dirname(file)]);
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", file]);
  const [, fingerprint = ""] = execFileSync("ssh-keygen", ["-lf", file], { encoding: "utf8" }).split(" ");
  return { file, fingerprint };
}

test("the remote is over ssh when one of the user's keys is registered", async () => {
  const state = fakeState();
  await using api = await startTestApi(state);
  git(api.home, "init", "-q");
  const { fingerprint } = makeKey(api.home);
  await api.paas(["apps:create", "first"]);
  expect(git(api.home, "config", "remote.paas.url")).toBe("http://127.0.0.1:7070/first.git");
  state.keys.push("SHA256:somebody-elses", fingerprint);
  await api.paas(["git:remote", "-a", "first"]);
  expect(git(api.home, "config", "remote.paas.url")).toBe("ssh://paas@localhost:2222/first");
});

test("a remote of another app is left alone, unless it is asked for; a rename takes it along", async () => {
  await using api = await startTestApi(fakeState("blog"));
  git(api.home, "init", "-q");
  git(api.home, "remote", "add", "paas", "ssh://paas@localhost:2222/blog");
  expect((await api.paas(["apps:create", "shop"])).stdout).toContain("was left alone");
  expect(git(api.home, "config", "remote.paas.url")).toBe("ssh://paas@localhost:2222/blog");
  await api.paas(["git:remote", "-a", "shop", "--ssh"]);
  expect(git(api.home, "config", "remote.paas.url")).toBe("ssh://paas@localhost:2222/shop");
  expect((await api.paas(["apps:rename", "store"])).stdout).toBe("Renamed shop to store\n");
  expect(git(api.home, "config", "remote.paas.url")).toBe("ssh://paas@localhost:2222/store");
});

test("--no-remote leaves the repository alone, and without a repository the command for later is shown", async () => {
  await using api = await startTestApi(fakeState());
  expect((await api.paas(["apps:create", "shop"])).stdout).toContain("paas git:remote -a shop");
  git(api.home, "init", "-q");
  await api.paas(["apps:create", "blog", "--no-remote"]);
  expect(git(api.home, "remote")).toBe("");
});

test("keys:add sends the user's own public key, never a private one", async () => {
  const state = fakeState();
  await using api = await startTestApi(state);
  expect((await api.paas(["keys:add"])).stderr).toContain("ssh-keygen -t ed25519");
  const { file: key } = makeKey(api.home);
  expect((await api.paas(["keys:add"])).code).toBe(0);
  expect((await api.paas(["keys:add", key])).code).toBe(2);
  expect((await api.paas(["keys:add", "-"], { input: "ssh-ed25519 AAAA other\n" })).code).toBe(0);
  expect(state.done).toEqual([`key ${(await readFile(`${key}.pub`, "utf8")).trim()}`, "key ssh-ed25519 AAAA other"]);
});

test("a login is kept for its owner alone and used from then on", async () => {
  await using api = await startTestApi(fakeState("shop"));
  const env = { PAAS_HOME: "" };
  const refused = await api.paas(["login", api.url], { env, input: "wrong\n" });
  expect(refused.code).toBe(4);
  expect(await api.paas(["login", api.url], { env, input: `${tokens.ann}\n` })).toMatchObject({
    code: 0,
    stdout: `Logged in to ${api.url} as ann (admin)\n`,
  });
  const file = path.join(api.home, ".config", "paas", "login.json");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await api.paas(["whoami"], { env })).stdout).toBe(`ann (admin) at ${api.url}\n`);
  await api.paas(["logout"], { env });
  await expect(stat(file)).rejects.toThrow("ENOENT");
});

test("who logged in from elsewhere gets remotes that work from there", async () => {
  await using api = await startTestApi(fakeState());
  git(api.home, "init", "-q");
  const url = `http://localhost:${api.port}`;
  const env = { PAAS_HOME: "", PAAS_URL: url, PAAS_TOKEN: tokens.ann };
  await api.paas(["apps:create", "shop"], { env });
  expect(git(api.home, "config", "remote.paas.url")).toBe(`${url}/shop.git`);
  const { stdout } = await api.paas(["apps:info", "shop"], { env });
  expect(stdout).toContain(`Git over http: ${url}/shop.git`);
});

test("the reason of a failure is told once", async () => {
  const state = fakeState("shop");
  state.gate = Promise.reject(new AppError("DEPLOY_FAILED", { reason: "web.1 exited with code 1", hint: "Fix it." }));
  state.gate.catch(() => undefined);
  await using api = await startTestApi(state);
  const { code, stderr } = await api.paas(["apps:destroy", "shop", "--confirm", "shop"]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: "error: web.1 exited with code 1\nFix it.\n" });
  state.problem = "web.1 exited with code 1";
  const told = await api.paas(["config:set", "A=1", "-a", "shop"]);
  expect(told).toEqual({
    code: 1,
    stdout: "-----> Creating the release\n",
    stderr: " !     web.1 exited with code 1\n",
  });
});

test("version shows home and ports of the daemon, as JSON all it knows", async () => {
  await using api = await startTestApi(fakeState());
  const { stdout } = await api.paas(["version"]);
  expect(stdout).toMatch(/daemon 1\.2\.3, up [0-9]+[smhd]\n/);
  expect(stdout).toContain("Home:   /srv/paas\nApps:   http://APP.localhost\nssh:    port 2222\n");
  const shown = JSON.parse((await api.paas(["version", "--json"])).stdout) as unknown;
  expect(shown).toMatchObject({ daemon: "1.2.3", system: { home: "/srv/paas", sshPort: 2222 } });
  const env = { PAAS_HOME: path.join(api.home, "none") };
  expect((await api.paas(["version"], { env })).stdout).toMatch(/^paas .*\ndaemon does not answer\n$/);
});

test("the audit trail is shown as columns", async () => {
  const state = fakeState("shop");
  await using api = await startTestApi(state);
  expect((await api.paas(["audit"])).stdout).toBe("Nothing was changed yet.\n");
  await api.paas(["ps:stop", "-a", "shop"]);
  expect((await api.paas(["audit"])).stdout).toMatch(/^WHEN +BY +WHAT +OF\n.* owner +ps:stop +shop\n$/);
});

test("lists that are empty for a reason say the reason", async () => {
  await using api = await startTestApi(fakeState("shop"));
  expect(await api.paas(["routes", "-a", "shpo"])).toMatchObject({ code: 1, stdout: "" });
  expect((await api.paas(["routes", "-a", "shop"])).stdout).toContain("paas map-route shop DOMAIN");
  expect(await api.paas(["logs", "--ps", "wbe", "-a", "shop"])).toEqual({
    code: 0,
    stdout: "",
    stderr: "shop has no such log lines.\n",
  });
});

test("process types without instances are shown too, and changes end with one closing line", async () => {
  await using api = await startTestApi(fakeState("shop"));
  expect((await api.paas(["ps", "-a", "shop"])).stdout).toMatch(
    /^=== web \(512 MB, 1 CPU\): 1\n\nweb\.1: up .* v3\n\n=== worker \(256 MB, 0\.5 CPU\): 0\n\n$/,
  );
  expect((await api.paas(["apps:destroy", "shop", "--confirm", "shop"])).stdout).toBe("-----> Destroying shop\n");
});

test("logs are printed in Heroku's format, without colours when nobody looks", async () => {
  const state = fakeState("shop");
  state.logLines = [{ at: 1_328_607_786_123.456, source: "router", process: "router", text: "GET / 200" }];
  await using api = await startTestApi(state);
  const { stdout } = await api.paas(["logs", "-a", "shop"]);
  expect(stdout).toBe("2012-02-07T09:43:06.123456+00:00 paas[router]: GET / 200\n");
});

test("a reader that has enough ends a tail quietly", async () => {
  const state = fakeState("shop");
  state.logLines = Array.from({ length: 20_000 }, (_, i) => ({
    at: i,
    source: "app",
    process: "web.1",
    text: "x".repeat(100),
  }));
  await using api = await startTestApi(state);
  const child = api.spawn(["logs", "--tail", "-a", "shop"]);
  await once(child.stdout ?? child, "data");
  const errors = child.stderr ? text(child.stderr) : "";
  child.stdout?.destroy();
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(await errors).toBe("");
});

test("a stream that is cut off is an error, whatever it said before", async () => {
  await using api = await startTestApi(fakeState());
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.write('{"type":"line","text":"=====> done"}\n', () => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const env = { PAAS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const { code, stderr } = await api.paas(["ps:stop", "-a", "shop"], { env });
  server.close();
  expect(code).toBe(1);
  expect(stderr).toContain("The connection ended before the outcome was known.");
});

test("an answer of something else is not taken for the daemon's", async () => {
  await using api = await startTestApi(fakeState());
  const server = createServer((_request, response) => response.writeHead(502).end("<html>bad gateway"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const env = { PAAS_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const { code, stderr } = await api.paas(["apps"], { env });
  server.close();
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: What answers is not the daemon \(HTTP 502\)\.\n.+\n$/);
});

test("over ssh a file of the server is not read, and nothing of it shows", async () => {
  await using api = await startTestApi(fakeState());
  await writeFile(path.join(api.home, "secret.json"), '{"password":"hunter2"}');
  const env = { PAAS_REMOTE: "1", PAAS_URL: `unix:${api.socketPath}`, PAAS_TOKEN: tokens.ann };
  const { code, stdout, stderr } = await api.paas(["cups", "x", "-p", "@secret.json"], { env });
  expect(code).toBe(4);
  expect(stdout + stderr).not.toContain("hunter2");
});
