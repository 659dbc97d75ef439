import type { SpentRates } from "./policy/state.ts";
import type { PackedRecords } from "./packed-records.ts";
import type { RoutingTable } from "./protocol.ts";
import type { TlsOptions } from "./tls/encryption.ts";
import type { WorkerQuestion } from "./wire.ts";

export type ToWorker =
  | {
      readonly type: "start";
      readonly listen: string;
      readonly port: number;
      readonly isShared: boolean;
      readonly table: RoutingTable;
      readonly tls: TlsOptions | undefined;
    }
  | { readonly type: "spent"; readonly spent: SpentRates }
  | { readonly type: "close"; readonly deadlineMs: number; readonly idleMs: number }
  | { readonly type: "question"; readonly id: number; readonly question: WorkerQuestion };

export interface ListeningPorts {
  readonly http: number;
  /** Undefined: no TLS. */
  readonly https: number | undefined;
}

export type FromWorker =
  | { readonly type: "listening"; readonly ports: ListeningPorts }
  | { readonly type: "failed"; readonly code: string; readonly message: string; readonly port: number | undefined }
  /** For all other workers. */
  | { readonly type: "spent"; readonly spent: SpentRates }
  | { readonly type: "reply"; readonly id: number; readonly value: unknown }
  | { readonly type: "records"; readonly packed: PackedRecords; readonly dropped: number };
