import { createReadStream } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectDocker } from "../../server/docker/client.ts";
import { serverApp } from "../support/apps.ts";
import { findStackImages } from "../support/build-harness.ts";
import { runCommand } from "../support/commands.ts";
import { mustSucceed, TestPaas, type TestApp } from "../support/paas.ts";

const docker = connectDocker();
const image = `b2-foreign-${process.pid}:1`;
let paas: TestPaas;
let shop: TestApp;
let files: http.Server;
let address: string;

beforeAll(async () => {
  paas = await TestPaas.start({ PAAS_SOURCE_HOSTS: "127.0.0.1" });
  shop = await paas.app("shop", serverApp("pushed"));
  await mkdir(path.join(paas.dir, "public"));
  files = http.createServer((request, response) => {
    const file = path.join(paas.dir, "public", path.normalize(`/${(request.url ?? "").split("?")[0] ?? ""}`));
    createReadStream(file)
      .once("error", () => response.writeHead(404).end())
      .once("open", () => response.writeHead(200))
      .pipe(response);
  });
  await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
});
afterAll(async () => {
  files.close();
  await docker
    .getImage(image)
    .remove({ force: true })
    .catch(() => undefined);
  await paas[Symbol.asyncDispose]();
});

async function archive(text: string, kind: "tar.gz" | "zip", to: string): Promise<string> {
  const dir = path.join(paas.dir, `made-${text}`, `shop-${text}`);
  await mkdir(dir, { recursive: true });
  for (const [name, content] of Object.entries(serverApp(text))) await writeFile(path.join(dir, name), content);
  const file = path.join(paas.dir, to);
  const name = `shop-${text}`;
  if (kind === "zip") await paas.must(["python3", "-m", "zipfile", "-c", file, name], { cwd: path.dirname(dir) });
  else await paas.must(["tar", "-czf", file, "-C", path.dirname(dir), name]);
  return file;
}

interface Shown {
  readonly commit: string;
  readonly source: { readonly kind: string };
  readonly status: string;
}
const lastBuild = async () => (await paas.json<Shown[]>(["builds", "-a", "shop"]))[0];

test("an archive is deployed as a push is, and what it is is kept", async () => {
  const file = await archive("archived", "tar.gz", "shop.tar.gz");
  const { output } = await shop.mustCli("builds:create", "--archive", file);
  expect(output).toMatch(/=====> v1 deployed: http:\/\/shop\.paas\.test/);
  expect(await shop.body()).toBe("archived");
  expect(await lastBuild()).toMatchObject({
    source: { kind: "archive", name: "shop.tar.gz" },
    status: "succeeded",
    commit: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
  });
});

test("by address, and by what is piped in over ssh", async () => {
  await archive("fetched", "zip", "public/shop.zip");
  const fetched = await shop.mustCli("builds:create", "--archive", `${address}/shop.zip`);
  expect(fetched.output).toContain(`Downloading ${address}/shop.zip`);
  expect(await shop.body()).toBe("fetched");

  const file = await archive("piped", "tar.gz", "piped.tgz");
  const ssh = (paas.env["GIT_SSH_COMMAND"] ?? "").split(" ");
  const words = [...ssh, "-p", String(paas.sshPort), "paas@127.0.0.1", "builds:create", "-a", "shop", "--archive", "-"];
  const line = `${words.map((word) => `'${word}'`).join(" ")} < '${file}'`;
  const piped = mustSucceed(await runCommand(["sh", "-c", line], { cwd: paas.dir, env: paas.env }));
  expect(piped.output).toMatch(/=====> v3 deployed/);
  expect(await shop.body()).toBe("piped");
});

test("what is refused says why and leaves what serves alone", async () => {
  const bad = path.join(paas.dir, "bad.tar");
  await paas.must(["sh", "-c", `ln -s /etc/passwd "$0/leak" && tar -cf "$1" -C "$0" leak`, paas.dir, bad]);
  const unsafe = await shop.cli("builds:create", "--archive", bad);
  expect(unsafe.code).toBe(1);
  expect(unsafe.output).toContain('an entry that is refused, "leak": it is a link to /etc/passwd, outside the archive');
  const inner = await shop.cli("builds:create", "--archive", "http://169.254.169.254/latest");
  expect(inner.code).toBe(4);
  expect(inner.output).toContain("169.254.169.254 is within this machine or its own network");
  const helper = await shop.cli("builds:create", "--git", "ext::sh -c touch% /tmp/x");
  expect(helper.output).toContain("is not an address that can be fetched");
  const none = await shop.cli("builds:create", "--image", "registry.invalid/nothing:1");
  expect(none.code).toBe(1);
  expect(none.output).toContain("There is no image registry.invalid/nothing:1 on this machine");
  expect(await shop.body()).toBe("piped");
});

test("a repository elsewhere, by branch", async () => {
  const repo = path.join(paas.dir, "public", "shop.git");
  await shop.commit(serverApp("cloned"), "cloned");
  await paas.must(["git", "clone", "-q", "--bare", shop.dir, repo]);
  await paas.must(["git", "update-server-info"], { cwd: repo });
  await shop.mustCli("builds:create", "--git", `${address}/shop.git#main`);
  expect(await shop.body()).toBe("cloned");
  const commit = (await shop.git("rev-parse", "HEAD")).stdout.trim();
  expect(await lastBuild()).toMatchObject({ source: { kind: "git", ref: "main" }, commit });
});

test("an image of this machine is taken over, pinned, and never removed", async () => {
  const { runImage } = await findStackImages(docker);
  const { "server.py": script = "" } = serverApp("image");
  const container = await docker.createContainer({ Image: runImage });
  const config = {
    Cmd: ["python3", "-c", script],
    Entrypoint: [],
    ExposedPorts: { "9000/tcp": {} },
    Labels: { "paas.kind": "", "paas.stack": "" },
  };
  const [repo, tag] = image.split(":");
  await container.commit({ _query: { repo, tag, container: container.id }, _body: config });
  await container.remove();
  const { output } = await shop.mustCli("builds:create", "--image", image);
  expect(output).toMatch(/=====> v5 deployed/);
  expect(await shop.body()).toBe("image");
  expect(await shop.body("/env/PORT")).toBe("9000");
  expect(await lastBuild()).toMatchObject({ source: { kind: "image", ref: image } });
  // Back and forth: the droplet is our own, whatever the name means now.
  await docker.getImage(image).tag({ repo: `${repo}-kept`, tag: "1" });
  await docker.getImage(image).remove();
  await shop.mustCli("rollback", "v4");
  await shop.mustCli("rollback", "v5");
  expect(await shop.body()).toBe("image");
  await shop.mustCli("apps:destroy", "shop", "--confirm", "shop");
  expect((await docker.getImage(`${repo}-kept:1`).inspect()).RepoTags).toContain(`${repo}-kept:1`);
  await docker.getImage(`${repo}-kept:1`).remove({ force: true });
});
