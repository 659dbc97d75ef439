import type { ClosingRecord, StreamRecord } from "../server/core/records.ts";
import { CliError, exitCodeOf } from "./failure.ts";

type ProgressRecord = Exclude<StreamRecord, ClosingRecord>;

/**
 * Reads a stream of records to its closing one and answers its value. A stream that ends without one is an error, whatever came before.
 * @throws CliError of the closing record, or when there is none
 */
export async function readRecords(
  chunks: AsyncIterable<Uint8Array>,
  onRecord: (record: ProgressRecord) => void | Promise<void>,
): Promise<unknown> {
  for await (const line of linesOf(chunks)) {
    if (line === "") continue;
    const record = JSON.parse(line) as StreamRecord;
    if (record.type !== "result") await onRecord(record);
    else if (record.ok) return record.value;
    else throw new CliError(record.error.message, record.error.hint, exitCodeOf(record.error.status));
  }
  throw cutOff();
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of chunks) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ECONNRESET") throw cutOff();
    throw cause;
  }
}

function cutOff(): CliError {
  return new CliError(
    "The connection ended before the outcome was known.",
    'The daemon goes on with what it began; see how it went with "paas ps" and "paas releases".',
  );
}
