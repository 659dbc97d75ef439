import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline, type Readable, Writable } from "node:stream";
import { createGunzip } from "node:zlib";
import { AppError, messageOf } from "../core/errors.ts";
import { toAppError } from "../core/failure.ts";
import type { AppId } from "../core/ids.ts";
import type { Actor } from "../core/types.ts";
import { parseRepositoryPath, serviceOf, type GitService } from "./command.ts";
import { configArguments, repositoryConfig } from "./environment.ts";
import type { PushTarget } from "./ports.ts";
import type { PushDeps } from "./push.ts";
import { receivePush } from "./receive.ts";
import { protocolEnvironment, serveFetch } from "./serve.ts";
import { spawnGit } from "./spawn-git.ts";

/** Serves one request of git's smart HTTP protocol to the end: `…/shop.git/info/refs`, `…/shop.git/git-receive-pack`. */
export type GitHttp = (request: IncomingMessage, response: ServerResponse, actor: Actor) => Promise<void>;

interface Asked {
  readonly deps: PushDeps;
  /** Apps that the first request of a push made; the second, which carries the push, tells. */
  readonly untold: Set<AppId>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly actor: Actor;
  readonly appName: string;
  readonly service: GitService;
}

/** Git's protocol over HTTP (gitprotocol-http). Who the actor is has been found out before. */
export function createGitHttp(deps: PushDeps): GitHttp {
  const untold = new Set<AppId>();
  return async (request, response, actor) => {
    try {
      await dispatch(deps, untold, request, response, actor);
    } catch (err) {
      fail(deps, response, err);
    }
  };
}

async function dispatch(
  deps: PushDeps,
  untold: Set<AppId>,
  request: IncomingMessage,
  response: ServerResponse,
  actor: Actor,
): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const match = /([^/]+)\/(info\/refs|git-receive-pack|git-upload-pack)$/.exec(url.pathname);
  const isAdvertisement = match?.[2] === "info/refs";
  const service = serviceOf((isAdvertisement ? url.searchParams.get("service") : match?.[2]) ?? "");
  if (match === null || service === undefined || request.method !== (isAdvertisement ? "GET" : "POST")) {
    throw new AppError("REPOSITORY_PATH_INVALID", { path: url.pathname });
  }
  const appName = parseRepositoryPath(decodeURIComponent(match[1] ?? ""));
  const asked = { deps, untold, request, response, actor, appName, service };
  return isAdvertisement ? advertise(asked) : exchange(asked);
}

async function advertise(asked: Asked): Promise<void> {
  const { deps, response, service } = asked;
  const { repositories } = deps;
  const env = protocolEnvironment(headerOf(asked.request, "git-protocol"));
  const repo = await repositories.ensure(appOf(asked).id);
  start(asked, `application/x-git-${service}-advertisement`);
  // Only version 2 of fetching does without the line that names the service.
  if (env["GIT_PROTOCOL"] !== "version=2" || service === "receive-pack") {
    response.write(packetLine(`# service=git-${service}\n`) + "0000");
  }
  const args = [...configArguments(repositoryConfig), service, "--stateless-rpc", "--advertise-refs", repo];
  const git = spawnGit(args, { cwd: repo, env: repositories.environment(env) });
  git.stdin.end();
  git.stderr.resume();
  git.stdout.pipe(response, { end: false });
  response.once("close", () => git.kill());
  await git.ended;
  response.end();
}

/** One request holds the whole push; the answer begins at once and carries what the deploy says. */
async function exchange(asked: Asked): Promise<void> {
  const { deps, request, response, actor, service } = asked;
  if (headerOf(request, "content-type") !== `application/x-git-${service}-request`) {
    throw new AppError("INPUT_INVALID", { what: `This is not a request of git ${service}.` });
  }
  const env = protocolEnvironment(headerOf(request, "git-protocol"));
  const closed = new AbortController();
  const onClosed = () => closed.abort(new Error("the client closed the connection"));
  response.once("close", onClosed);
  const stdout = sinkTo(response, closed.signal);
  const streams = { stdin: bodyOf(request), stdout, stderr: sinkToNothing(), options: ["--stateless-rpc"], env };
  const target = service === "receive-pack" ? pushTarget(asked) : undefined;
  const app = target?.app ?? deps.pushes.source(actor, asked.appName);
  start(asked, `application/x-git-${service}-result`);
  if (target === undefined) await serveFetch(deps.repositories, { ...streams, app, gone: closed.signal });
  else await receivePush(deps, { ...streams, actor, target, gone: closed.signal });
  response.off("close", onClosed);
  stdout.end(() => response.end());
  request.resume();
}

function appOf({ deps, untold, actor, service, appName }: Asked) {
  if (service !== "receive-pack") return deps.pushes.source(actor, appName);
  const { app, created } = deps.pushes.target(actor, appName);
  if (created) untold.add(app.id);
  return app;
}

function pushTarget({ deps, untold, actor, appName }: Asked): PushTarget {
  const { app, created } = deps.pushes.target(actor, appName);
  return { app, created: untold.delete(app.id) || created };
}

function start({ response }: Asked, contentType: string): void {
  response.writeHead(200, { "content-type": contentType, "cache-control": "no-cache, max-age=0, must-revalidate" });
  response.flushHeaders();
}

function bodyOf(request: IncomingMessage): Readable {
  if (headerOf(request, "content-encoding") !== "gzip") return request;
  // A body that breaks off ends git's input too.
  return pipeline(request, createGunzip(), () => undefined);
}

/** Git calls on to write while the client's connection may be gone. */
function sinkTo(response: ServerResponse, gone: AbortSignal): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (gone.aborted || response.write(chunk)) return done();
      const go = () => {
        response.off("drain", go);
        response.off("close", go);
        done();
      };
      response.on("drain", go);
      response.on("close", go);
    },
  });
}

function sinkToNothing(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

function packetLine(line: string): string {
  return (Buffer.byteLength(line) + 4).toString(16).padStart(4, "0") + line;
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Git shows a plain text answer to its user. */
function fail(deps: PushDeps, response: ServerResponse, err: unknown): void {
  if (response.headersSent) {
    deps.log.error("git over http failed", { cause: messageOf(err), err });
    response.destroy();
    return;
  }
  const error = toAppError(err, (reference) =>
    deps.log.error("git over http failed", { reference, cause: messageOf(err), err }),
  );
  response.writeHead(error.status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${error.message}\n${error.hint}\n`);
}
