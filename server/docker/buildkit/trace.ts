import type { BuildTrace, TraceLog, TraceStep } from "../../builds/image-engine.ts";
import { type Field, fieldsOf } from "./wire.ts";

/** Decodes a `moby.buildkit.trace` record: StatusResponse of BuildKit's api/services/control/control.proto. */
export function decodeTrace(message: Buffer): BuildTrace {
  const fields = [...fieldsOf(message)];
  const messages = (number: number) => fields.filter((f) => f.number === number).map((f) => [...fieldsOf(f.bytes)]);
  return { steps: messages(1).map(step), logs: messages(3).map(log), warnings: messages(4).map((f) => text(f, 3)) };
}

function step(fields: readonly Field[]): TraceStep {
  const error = text(fields, 7);
  return {
    digest: text(fields, 1),
    name: text(fields, 3),
    isCached: fields.some((f) => f.number === 4 && f.value === 1),
    startedAt: moment(fields, 5),
    completedAt: moment(fields, 6),
    error: error === "" ? undefined : error,
  };
}

function log(fields: readonly Field[]): TraceLog {
  return { digest: text(fields, 1), at: moment(fields, 2), bytes: find(fields, 4)?.bytes ?? Buffer.alloc(0) };
}

/** Milliseconds since the epoch, of a google.protobuf.Timestamp. */
function moment(fields: readonly Field[], number: number): number | undefined {
  const field = find(fields, number);
  if (field === undefined) return undefined;
  const parts = [...fieldsOf(field.bytes)];
  return (find(parts, 1)?.value ?? 0) * 1000 + Math.floor((find(parts, 2)?.value ?? 0) / 1e6);
}

function text(fields: readonly Field[], number: number): string {
  return find(fields, number)?.bytes.toString() ?? "";
}

function find(fields: readonly Field[], number: number): Field | undefined {
  return fields.findLast((f) => f.number === number);
}
