import type { RequestRecord, RoutingTable } from "./protocol.ts";
import type { Question } from "./wire.ts";

export type ToWorker =
  | {
      readonly type: "start";
      readonly listen: string;
      readonly port: number;
      readonly isShared: boolean;
      readonly table: RoutingTable;
    }
  | { readonly type: "close"; readonly deadlineMs: number; readonly idleMs: number }
  | { readonly type: "question"; readonly id: number; readonly question: Question };

export type FromWorker =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "failed"; readonly code: string; readonly message: string }
  | { readonly type: "reply"; readonly id: number; readonly value: unknown }
  | { readonly type: "records"; readonly records: readonly RequestRecord[] };
