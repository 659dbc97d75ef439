import type { Socket } from "node:net";
import type { AppTraffic } from "./metrics.ts";
import type { PackedRecords } from "./packed-records.ts";
import type { PurgeRequest, RoutingTable } from "./protocol.ts";
import type { TableChange } from "./table-change.ts";
import type { Encryption, TlsSecrets } from "./tls/encryption.ts";

/** Messages on the router's control socket: one JSON object a line. A router of another protocol is replaced. */
export const protocolVersion = 4;

export interface Hello {
  readonly type: "hello";
  readonly protocol: number;
  readonly pid: number;
  readonly listen: string;
  readonly httpPort: number;
  /** Undefined: no TLS. */
  readonly httpsPort: number | undefined;
  readonly workers: number;
  /** Of the table in force. */
  readonly version: number;
  /** Of its source. */
  readonly build?: string | undefined;
  /** Another router may listen beside it and have it {@link Question resign}. */
  readonly canResign?: boolean;
}

export interface RouterStatus {
  readonly version: number;
  readonly workers: number;
  /** Target id → exchanges under way, over all workers. */
  readonly inFlight: Readonly<Record<string, number>>;
  readonly requests: number;
  /** Code → answers. */
  readonly failures: Readonly<Record<string, number>>;
  /** One figure a worker. */
  readonly rssBytes: readonly number[];
  /** App → what its requests came to. */
  readonly apps: Readonly<Record<string, AppTraffic>>;
  readonly cache: { readonly entries: number; readonly bytes: number };
  /** Port of a TCP route → why nobody listens there. */
  readonly tcpProblems: Readonly<Record<string, string>>;
}

export type Question =
  | { readonly type: "apply"; readonly table: RoutingTable }
  /** Not applied where the table in force is not the one that it is made of. */
  | { readonly type: "change"; readonly change: TableChange }
  | { readonly type: "drain"; readonly targetIds: readonly string[]; readonly deadlineMs: number }
  | { readonly type: "purge"; readonly what: PurgeRequest }
  | { readonly type: "status" }
  | { readonly type: "encrypt"; readonly encryption: Encryption }
  /** Gives up port and control socket to a router that has both in hand; this connection stays until it has ended. */
  | { readonly type: "resign" };

/** What a worker is asked: the secrets are those of all of them. */
export type WorkerQuestion =
  | Exclude<Question, { readonly type: "encrypt" }>
  | { readonly type: "encrypt"; readonly secrets: TlsSecrets };

export type NumberedQuestion = Question & { readonly id: number };

export type ToRouter =
  | NumberedQuestion
  /** Request records come to the connection that asked last. */
  | { readonly type: "subscribe" }
  /** All records before this number are kept elsewhere now. */
  | { readonly type: "received"; readonly upTo: number };

export interface RecordBatch {
  readonly type: "records";
  /** Number of the first record, counted over the router's life. */
  readonly first: number;
  readonly packed: PackedRecords;
  /** Lost before `first` because nobody fetched them. */
  readonly dropped: number;
}

export type ApplyResult = { readonly applied: true } | { readonly applied: false; readonly version: number };

export type Reply =
  | { readonly type: "reply"; readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly type: "reply"; readonly id: number; readonly ok: false; readonly message: string };

export type FromRouter = Hello | Reply | RecordBatch;

const maxLineLength = 256 * 1024 * 1024;

/** Calls `onMessage` for each line that is a JSON object; anything else ends the connection. */
export function readMessages(socket: Socket, onMessage: (message: object) => void): void {
  let pieces: string[] = [];
  let length = 0;
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    const lines = chunk.split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      const message = parseObject(pieces.join("") + line);
      pieces = [];
      length = 0;
      if (message === undefined) socket.destroy();
      else onMessage(message);
    }
    pieces.push(rest);
    length += rest.length;
    if (length > maxLineLength) socket.destroy();
  });
}

export function sendMessage(socket: Socket, message: ToRouter | FromRouter): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** The same without a look at each of the many characters that need no escape. */
export function sendRecords(socket: Socket, batch: Omit<RecordBatch, "type">): void {
  if (!socket.writable) return;
  const { first, dropped, packed } = batch;
  const { words, ...rest } = packed;
  const head = JSON.stringify({ type: "records", first, dropped, packed: rest });
  socket.cork();
  socket.write(`${head.slice(0, -2)},"words":"`);
  socket.write(words, "latin1");
  socket.write('"}}\n');
  socket.uncork();
}

export function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
