import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Paths, pathsOf } from "../../server/config/config.ts";
import { silentLog } from "../../server/core/log.ts";
import type { RouterClient } from "../../server/router/client.ts";
import { ensureRouter, stopRouter } from "../../server/router/process.ts";
import type { TableRoute } from "../../server/router/protocol.ts";

export interface RouterProcess extends AsyncDisposable {
  readonly client: RouterClient;
  readonly paths: Paths;
  readonly key: Buffer;
}

export interface RouterProcessOptions {
  readonly workers?: number;
  readonly sharesPort?: boolean;
  /** Takes the place of this one. */
  readonly before?: RouterProcess;
}

/** A router as the daemon starts it, with a home of its own. */
export async function startRouterProcess(
  routes: readonly TableRoute[],
  options: RouterProcessOptions = {},
): Promise<RouterProcess> {
  const { workers: routerWorkers = 1, before, ...sharing } = options;
  const home =
    before === undefined ? await mkdtemp(path.join(tmpdir(), "router-")) : path.dirname(before.paths.routerDir);
  const paths = pathsOf(home);
  const key = before?.key ?? randomBytes(32);
  // It would start the one before again.
  await before?.client[Symbol.asyncDispose]();
  const signal = AbortSignal.timeout(30_000);
  const client = await ensureRouter({
    config: { home, listen: "127.0.0.1", httpPort: before?.client.httpPort ?? 0, routerWorkers },
    paths,
    node: process.execPath,
    log: silentLog,
    onRequests: () => {},
    key,
    signal,
    ...sharing,
  });
  await client.apply(routes, signal, { front: { workers: routerWorkers, trustedProxies: [], proxyProtocol: false } });
  return {
    client,
    paths,
    key,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await stopRouter(paths);
      await rm(home, { recursive: true, force: true });
    },
  };
}
