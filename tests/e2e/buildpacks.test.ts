import { createReadStream } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { script, tgz, yaml } from "../support/buildpacks.ts";
import { TestPaas, type TestApp } from "../support/paas.ts";

const page = `import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(open("made").read().encode())
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Page).serve_forever()
`;

const buildpack = (word: string) => ({
  "bin/detect": script(`echo ${word}`),
  "bin/compile": script(`echo ${word} > "$1/made"`),
  "bin/release": yaml({ default_process_types: { web: "python3 page.py" } }),
});

let paas: TestPaas;
let app: TestApp;
let files: http.Server;
let at = "";

beforeAll(async () => {
  paas = await TestPaas.start({ PAAS_SOURCE_HOSTS: "127.0.0.1" });
  const served = path.join(paas.dir, "served");
  await mkdir(served);
  files = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://x");
    createReadStream(path.join(served, pathname))
      .on("error", () => response.writeHead(404).end())
      .pipe(response);
  });
  await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
  at = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  const own = Object.entries(buildpack("own")).map(([name, text]) => [`bp/${name}`, text]);
  app = await paas.app("shop", { "page.py": page, ".buildpacks": "./bp\n", ...Object.fromEntries(own) });
  for (const name of ["detect", "compile", "release"]) await chmod(path.join(app.dir, "bp/bin", name), 0o755);
  await app.commit({}, "modes");
});

afterAll(async () => {
  files.closeAllConnections();
  files.close();
  await paas[Symbol.asyncDispose]();
});

/** Commits a buildpack and serves its repository, as any file server could. */
async function publish(word: string): Promise<string> {
  const work = path.join(paas.dir, "buildpack");
  const git = (...args: readonly string[]) => paas.must(["git", ...args], { cwd: work });
  await mkdir(path.join(work, "bin"), { recursive: true });
  await git("init", "-q", "-b", "main");
  for (const [name, text] of Object.entries(buildpack(word))) {
    await writeFile(path.join(work, name), text, { mode: 0o755 });
  }
  await git("add", "-A");
  await git("commit", "-q", "-m", word);
  await git("tag", "-f", "v1");
  const bare = path.join(paas.dir, "served", "buildpack.git");
  await paas.must(["rm", "-rf", bare]);
  await git("clone", "-q", "--bare", ".", bare);
  await paas.must(["git", "-C", bare, "update-server-info"]);
  return (await git("rev-parse", "HEAD")).stdout.trim();
}

async function pushed(): Promise<string> {
  await app.commit({}, "again");
  return (await app.mustPush()).output;
}

test("a buildpack in the repository that .buildpacks names builds the app", async () => {
  const output = await pushed();
  expect(output).toContain("-----> Buildpacks named by .buildpacks");
  expect(output).toContain("1. ./bp");
  expect(await app.body()).toBe("own");
});

test("the app's own list goes before it, and a git URL stays at the commit it was until an update is asked for", async () => {
  const first = await publish("first");
  const url = `${at}/buildpack.git#v1`;
  expect((await app.mustCli("buildpacks:add", url)).stdout).toContain(url);
  const output = await pushed();
  expect(output).toContain("-----> Buildpacks named by paas buildpacks");
  expect(output).toContain(`1. ${url} at ${first.slice(0, 8)}`);
  expect(await app.body()).toBe("first");
  expect(await paas.json(["buildpacks", "-a", "shop"])).toEqual({
    buildpacks: [{ index: 1, buildpack: url, pin: first }],
    pins: { [url]: first },
  });

  const second = await publish("second");
  expect(await pushed()).toContain(`${url} at ${first.slice(0, 8)}`);
  expect((await app.mustCli("buildpacks:update")).stdout).toBe(`The next push takes ${url} as it is then\n`);
  expect(await pushed()).toContain(`${url} at ${second.slice(0, 8)}`);
  expect(await app.body()).toBe("second");
});

test("an archive is downloaded once and pinned by its digest", async () => {
  const served = path.join(paas.dir, "served");
  await tgz(served, "bp.tgz", buildpack("packed"));
  await app.mustCli("buildpacks:set", `${at}/bp.tgz`);
  expect(await pushed()).toMatch(/1\. http:\S+\/bp\.tgz at sha256:[0-9a-f]{8} *\n/);
  expect(await app.body()).toBe("packed");
});

test("a buildpack that fails rejects the push with its script and exit code, and what runs stays", async () => {
  await app.commit({ "bp/bin/compile": script("echo last words; exit 7") }, "broken");
  await app.mustCli("buildpacks:clear");
  const push = await app.push();
  expect(push.code).not.toBe(0);
  expect(push.output).toContain("last words");
  expect(push.output).toContain(" !     bin/compile of ./bp exited with code 7.");
  expect(await app.body()).toBe("packed");
});

test("what cannot be a buildpack is refused when it is typed", async () => {
  const refused = await app.cli("buildpacks:add", "jontewks/puppeteer");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("can only be resolved by Heroku");
  expect((await app.cli("buildpacks:remove", "-i", "3")).stderr).toContain("There is no buildpack 3 in the list.");
});
