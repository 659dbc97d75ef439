import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { waitFor } from "../../../server/core/time.ts";
import { environment, freePort, has, type Peer, start } from "./peers.ts";

// Proxies that no distribution has: taken from the PATH, else built once from the Go module proxy where Go is at hand.

const run = promisify(execFile);
const cache = path.join(import.meta.dirname, "..", "..", "..", "node_modules", ".cache");
const traefikVersion = "v3.7.13";
const kamalProxyVersion = "v0.9.2";

/** Answers the program, or says why it is not measured. */
export async function goProgram(name: "traefik" | "kamal-proxy"): Promise<string | undefined> {
  if (has(name)) return name;
  const missing = (why: string) => void process.stdout.write(`${name} is not measured: ${why}\n`);
  if (!has("go")) return missing("neither it nor Go is installed");
  const version = name === "traefik" ? traefikVersion : kamalProxyVersion;
  const folder = path.join(cache, `${name}-${version}`);
  const program = path.join(folder, name);
  if (existsSync(program)) return program;
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  process.stdout.write(`Building ${name} ${version}, which takes minutes\n`);
  try {
    await (name === "traefik" ? buildTraefik(fresh) : buildKamalProxy(fresh));
  } catch (err) {
    await rm(fresh, { recursive: true, force: true });
    const { stderr = String(err) } = err as { readonly stderr?: string };
    const [line = ""] = stderr.split("\n").filter((one) => /error|forbidden|not available|undefined/i.test(one));
    return missing(`it could not be built: ${line.replaceAll(/https?:\S+/g, "").trim()}`);
  }
  await rename(fresh, folder);
  return program;
}

const go = (args: readonly string[], cwd: string, more: NodeJS.ProcessEnv = {}) =>
  run("go", args, {
    cwd,
    env: { ...process.env, GOFLAGS: "-mod=mod", CGO_ENABLED: "0", ...more },
    maxBuffer: 64 * 1024 * 1024,
  });

async function buildKamalProxy(folder: string): Promise<void> {
  const module = `github.com/basecamp/kamal-proxy/cmd/kamal-proxy@${kamalProxyVersion}`;
  await go(["install", "-trimpath", "-ldflags=-s -w", module], folder, { GOBIN: folder });
}

/** Where the module's own files are, writable. */
async function unpack(module: string, target: string): Promise<void> {
  const { stdout } = await go(["mod", "download", "-json", module], cache);
  const { Dir: from } = JSON.parse(stdout) as { readonly Dir: string };
  await cp(from, target, { recursive: true });
  await run("chmod", ["-R", "u+w", target]);
}

/**
 * Its module has replacements, so that it can be built as the main module only, and leaves out the web pages and a part of its
 * own that are beside it in its repository. What is put in their place, and in that of the DNS providers of its ACME client
 * and of a fork behind its sign-in, is not on the way of the requests that are measured.
 */
async function buildTraefik(folder: string): Promise<void> {
  const source = path.join(folder, "source");
  await unpack(`github.com/traefik/traefik/v3@${traefikVersion}`, source);
  const put = async (file: string, text: string) => {
    await mkdir(path.dirname(path.join(source, file)), { recursive: true });
    await writeFile(path.join(source, file), text);
  };
  const change = async (file: string, from: string, to: string) =>
    put(file, (await readFile(path.join(source, file), "utf8")).replace(from, to));
  await put("webui/static/index.html", "placeholder");
  await put("pkg/config/dynamic/ext/go.mod", "module github.com/traefik/traefik/dynamic/ext\n\ngo 1.22\n");
  await put("pkg/config/dynamic/ext/ext.go", "package ext\n\ntype HTTP struct{}\n\ntype Router struct{}\n");
  await change(
    "pkg/middlewares/auth/basic_auth.go",
    "goauth.CheckSecret",
    "func(string, string) bool { return false }",
  );
  await change("pkg/middlewares/auth/digest_auth.go", "RequireAuthStale", "RequireAuth");
  const needs = await readFile(path.join(source, "go.mod"), "utf8");
  const [, lego = ""] = /github\.com\/go-acme\/lego\/v5 (v\S+)/.exec(needs) ?? [];
  await unpack(`github.com/go-acme/lego/v5@${lego}`, path.join(source, "lego"));
  await rm(path.join(source, "lego", "providers", "dns"), { recursive: true });
  await put("lego/providers/dns/dns.go", noDnsProviders);
  const replacements = [
    "github.com/go-acme/lego/v5=./lego",
    "github.com/abbot/go-http-auth=github.com/abbot/go-http-auth@v0.4.0",
  ];
  await go(["mod", "edit", ...replacements.map((one) => `-replace=${one}`)], source);
  await go(["build", "-trimpath", "-ldflags=-s -w", "-o", path.join(folder, "traefik"), "./cmd/traefik"], source);
  await rm(source, { recursive: true });
}

const noDnsProviders = `package dns

import (
	"errors"

	"github.com/go-acme/lego/v5/challenge"
)

func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, errors.New("no DNS provider is built in: " + name)
}
`;

export async function startTraefik(program: string, home: string, origin: number): Promise<Peer> {
  await mkdir(home, { recursive: true });
  const port = await freePort();
  const file = path.join(home, "dynamic.yml");
  const router = "    all: { rule: 'PathPrefix(`/`)', service: origin, entryPoints: [web] }";
  const service = `    origin: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:${origin}' }] } }`;
  await writeFile(file, `http:\n  routers:\n${router}\n  services:\n${service}\n`);
  const quiet = ["--log.level=ERROR", "--global.checknewversion=false", "--global.sendanonymoususage=false"];
  const flags = [`--entrypoints.web.address=127.0.0.1:${port}`, `--providers.file.filename=${file}`, ...quiet];
  const peer = await start("traefik", home, port, "0", [program, ...flags]);
  // It listens before it has read where to.
  const isRouting = async () => (await fetch(`http://127.0.0.1:${port}/`)).ok;
  await waitFor(isRouting, { every: 50, signal: AbortSignal.timeout(20_000) });
  return peer;
}

/** It writes its request log in any case. */
export async function startKamalProxy(program: string, home: string, origin: number): Promise<Peer> {
  await mkdir(home, { recursive: true });
  const port = await freePort();
  const env = { ...environment(home), KAMAL_PROXY_SOCKET: path.join(home, "kamal-proxy.sock") };
  const argv = [program, "run", `--http-port=${port}`, `--https-port=${await freePort()}`];
  const peer = await start("kamal-proxy", home, port, "0", argv, env);
  const target = ["--target", `127.0.0.1:${origin}`, "--health-check-path", "/"];
  await run(program, ["deploy", "bench", ...target], { env });
  return peer;
}
