import type { TypedResponse } from "hono";
import type { Log } from "../core/log.ts";
import { LineOutput, type Output } from "../core/output.ts";
import { heartbeatMs, ndjsonType, type StreamRecord } from "../core/records.ts";
import type { LogLine } from "../core/types.ts";
import { toWireError } from "./failure.ts";

/** Carries the type of the closing record's value to the client; at run time the body is a stream of records. */
export interface Job<T> {
  readonly job: T;
}

interface StreamDeps {
  readonly log: Log;
  readonly shutdown: AbortSignal;
}

/**
 * Runs `work` and streams what it reports. The work is not ended by a client that goes away, unless told: half of a scale
 * or of a config change helps nobody, and whoever comes back finds it done. A deploy, like a push, is its client's.
 */
export function streamJob<T>(
  deps: StreamDeps,
  work: (out: Output, signal: AbortSignal) => T | Promise<T>,
  { endsWithClient = false } = {},
): TypedResponse<Job<T>, 200, "json"> {
  return answer<Job<T>>((send, gone) => {
    const out = new LineOutput((text) => void send({ type: "line", text }));
    const signal = endsWithClient ? AbortSignal.any([gone, deps.shutdown]) : deps.shutdown;
    return closing(deps.log, async () => {
      const value = await work(out, signal);
      out.flush();
      return value;
    });
  });
}

/** Streams log lines until they end, the client goes away or the daemon stops. */
export function streamLogs(
  deps: StreamDeps,
  lines: (signal: AbortSignal) => AsyncIterable<LogLine> | Promise<readonly LogLine[]>,
): TypedResponse<Job<undefined>, 200, "json"> {
  return answer<Job<undefined>>((send, gone) => {
    const signal = AbortSignal.any([gone, deps.shutdown]);
    return closing(deps.log, async () => {
      try {
        for await (const line of await lines(signal)) {
          await send({ type: "log", line });
          if (signal.aborted) break;
        }
      } catch (err) {
        if (!signal.aborted) throw err;
      }
      return undefined;
    });
  });
}

async function closing(log: Log, work: () => Promise<unknown>): Promise<StreamRecord> {
  try {
    return { type: "result", ok: true, value: await work() };
  } catch (err) {
    return { type: "result", ok: false, error: toWireError(err, log) };
  }
}

/** Resolves when the client has room for more, at once when it has gone. */
type Send = (record: StreamRecord) => Promise<void>;

function answer<T>(work: (send: Send, gone: AbortSignal) => Promise<StreamRecord>): TypedResponse<T, 200, "json"> {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  // A write fails when the client has gone: that is not an error of the work.
  const write = (text: string) =>
    writer.write(encoder.encode(text)).catch((err: unknown) => {
      gone.abort(err);
    });
  writer.closed.catch((err: unknown) => gone.abort(err));
  const heartbeat = setInterval(() => void write("\n"), heartbeatMs);
  void (async () => {
    const record = await work((progress) => write(`${JSON.stringify(progress)}\n`), gone.signal);
    await write(`${JSON.stringify(record)}\n`);
    clearInterval(heartbeat);
    await writer.close().catch(() => undefined);
  })();
  const headers = { "content-type": ndjsonType, "cache-control": "no-store", "x-accel-buffering": "no" };
  return new Response(readable, { headers }) as Response & TypedResponse<T, 200, "json">;
}
