import type { LogsPort } from "../api/platform.ts";
import type { AppId, AppName } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { LogLine } from "../core/types.ts";
import { type Collector, createCollector } from "./collector.ts";
import { createLogsPort } from "./port.ts";
import type { LogEngine } from "./ports.ts";
import { createLogStore, type LogStoreOptions } from "./store.ts";

export interface LogsDeps {
  readonly store: LogStoreOptions;
  readonly engine: LogEngine;
  /** @throws AppError APP_NOT_FOUND */
  readonly resolve: (name: AppName) => AppId;
  readonly log: Log;
  readonly syncMs?: number;
}

export interface Logs extends AsyncDisposable {
  readonly port: LogsPort;
  readonly collector: Collector;
  append(appId: AppId, line: LogLine): void;
  /** Nothing of the app is kept or taken any more. */
  removeApp(appId: AppId): Promise<void>;
  /** Removes the logs of apps that are not among these. */
  retain(appIds: ReadonlySet<string>): Promise<void>;
}

/** One stream of lines per app, from its containers and from the platform. `collector.start()` begins to follow. */
export function createLogs(deps: LogsDeps): Logs {
  const store = createLogStore(deps.store);
  const { engine, log, syncMs } = deps;
  const collector = createCollector({ store, engine, log, ...(syncMs === undefined ? {} : { syncMs }) });
  return {
    port: createLogsPort(store, deps.resolve),
    collector,
    append: (appId, line) => store.append(appId, line),
    async removeApp(appId) {
      await collector.removeApp(appId);
      await store.remove(appId);
    },
    retain: (appIds) => store.retain(appIds),
    async [Symbol.asyncDispose]() {
      await collector[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
