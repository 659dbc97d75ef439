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
}

/** A router as the daemon starts it, with a home of its own. */
export async function startRouterProcess(routes: readonly TableRoute[], routerWorkers = 1): Promise<RouterProcess> {
  const home = await mkdtemp(path.join(tmpdir(), "router-"));
  const paths = pathsOf(home);
  const signal = AbortSignal.timeout(30_000);
  const client = await ensureRouter({
    config: { home, listen: "127.0.0.1", httpPort: 0, routerWorkers },
    paths,
    node: process.execPath,
    log: silentLog,
    onRequests: () => {},
    key: randomBytes(32),
    signal,
  });
  await client.apply(routes, signal);
  return {
    client,
    paths,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await stopRouter(paths);
      await rm(home, { recursive: true, force: true });
    },
  };
}
