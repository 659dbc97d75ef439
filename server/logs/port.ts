import type { LogFilter, LogsPort } from "../api/platform.ts";
import type { AppId, AppName } from "../core/ids.ts";
import type { StoredLine } from "./record.ts";
import type { LogStore } from "./store.ts";

/** More than anyone reads; an app's whole log may be some 100,000 lines. */
const maxLines = 10_000;

export function createLogsPort(store: LogStore, resolve: (name: AppName) => AppId): LogsPort {
  return {
    async recent(name, filter) {
      const count = Math.min(filter.lines, maxLines);
      const { lines } = await store.of(resolve(name)).recent(count, wanted(filter), AbortSignal.timeout(10_000));
      return lines;
    },
    async *tail(name, filter, signal) {
      const log = store.of(resolve(name));
      const { lines, end } = await log.recent(Math.min(filter.lines, maxLines), wanted(filter), signal);
      yield* lines;
      yield* log.follow(end, wanted(filter), signal);
    },
  };
}

/** `web` is all of its instances, `web.1` the one. */
export function wanted(filter: Omit<LogFilter, "lines">): (line: StoredLine) => boolean {
  const { process, source } = filter;
  return (line) =>
    (source === undefined || line.source === source) &&
    (process === undefined || line.process === process || line.process.startsWith(`${process}.`));
}
