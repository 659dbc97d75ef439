import type { LogLine } from "./types.ts";

/** What an error looks like on the wire: one line, one line of what to do next. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly status: number;
}

/** One line of an `application/x-ndjson` answer. Blank lines only keep the connection alive. */
export type StreamRecord =
  | { readonly type: "line"; readonly text: string }
  | { readonly type: "log"; readonly line: LogLine }
  | ClosingRecord;

/** The last line. A stream that ends without one was cut off: its outcome is unknown, never success. */
export type ClosingRecord =
  | { readonly type: "result"; readonly ok: true; readonly value?: unknown }
  | { readonly type: "result"; readonly ok: false; readonly error: WireError };

/** How often a silent stream says that it is alive, ms. A client may give up after three of them. */
export const heartbeatMs = 15_000;
export const ndjsonType = "application/x-ndjson";
