import { DataPath, type DataPathOptions, type WorkerStatus } from "./data-path.ts";
import { workerState } from "./policy/compile.ts";
import type { PurgeRequest, RoutingTable } from "./protocol.ts";
import { placeOf, type TableChange } from "./table-change.ts";
import type { TlsSecrets } from "./tls/encryption.ts";
import type { ListeningPorts } from "./worker-messages.ts";

/** The processes that carry the traffic. */
export interface Workers {
  readonly ports: ListeningPorts;
  /** Resolves when every worker routes by this table. `change`: what makes it of the one before. */
  apply(table: RoutingTable, change?: TableChange): Promise<void>;
  /** Resolves when every worker serves these certificates. */
  encrypt(secrets: TlsSecrets): Promise<void>;
  /** True when no worker has anything under way to these targets, false after `deadlineMs`. */
  drain(targetIds: readonly string[], deadlineMs: number): Promise<boolean>;
  status(): Promise<readonly WorkerStatus[]>;
  /** How many stored answers were forgotten. */
  purge(what: PurgeRequest): Promise<number>;
  /** Stops accepting at once and resolves when what was under way has ended. Idle connections may stay for `idleMs`. */
  close(deadlineMs: number, idleMs: number): Promise<void>;
}

/** The only worker is this process itself: half the memory of a primary with one child. */
export async function startLocalWorker(options: DataPathOptions): Promise<Workers> {
  const dataPath = new DataPath(options);
  const ports = await dataPath.listen();
  return {
    ports,
    apply: async (table) => {
      dataPath.apply(table);
      await dataPath.settled();
    },
    encrypt: async (secrets) => dataPath.encrypt(secrets),
    drain: (targetIds, deadlineMs) => dataPath.drain(targetIds, deadlineMs),
    status: async () => [dataPath.status()],
    purge: async ({ below, ...route }) => workerState.purge(placeOf(route), below),
    close: (deadlineMs, idleMs) => dataPath.close(deadlineMs, idleMs),
  };
}
