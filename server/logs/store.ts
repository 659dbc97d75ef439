import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../core/errors.ts";
import type { AppId } from "../core/ids.ts";
import type { LogLine } from "../core/types.ts";
import { AppLog } from "./app-log.ts";
import { nsOf } from "./record.ts";
import { Segments } from "./segments.ts";
import { cleanText, splitText } from "./text.ts";

export interface LogStoreOptions {
  /** One folder per app is made in it. */
  readonly dir: string;
  readonly now?: () => number;
  /** An app's log takes at most `segmentBytes * segments`. */
  readonly segmentBytes?: number;
  readonly segments?: number;
  readonly flushMs?: number;
  readonly retryMs?: number;
}

export interface LogStore extends AsyncDisposable {
  /** Cheap: written within `flushMs`. Text of several lines makes several lines. */
  append(appId: AppId, line: LogLine): void;
  of(appId: AppId): AppLog;
  remove(appId: AppId): Promise<void>;
  /** Removes the logs of apps that are not among these. */
  retain(appIds: ReadonlySet<string>): Promise<void>;
}

/** The logs of all apps, each bounded, on disk. */
export function createLogStore(options: LogStoreOptions): LogStore {
  const logs = new Map<AppId, AppLog>();
  const removed = new Set<AppId>();
  const limits = { segmentBytes: options.segmentBytes ?? 1024 * 1024, segments: options.segments ?? 8 };
  const times = { flushMs: options.flushMs ?? 50, retryMs: options.retryMs ?? 1000, now: options.now ?? Date.now };

  const of = (appId: AppId): AppLog => {
    const known = logs.get(appId);
    if (known) return known;
    if (removed.has(appId)) throw new AppError("APP_NOT_FOUND", { name: appId });
    const log = new AppLog(new Segments(path.join(options.dir, appId), limits), times);
    logs.set(appId, log);
    return log;
  };

  return {
    of,
    append(appId, line) {
      if (removed.has(appId)) return;
      for (const stored of toStored(line)) of(appId).append(stored);
    },
    async remove(appId) {
      removed.add(appId);
      const log = logs.get(appId);
      logs.delete(appId);
      await (log?.remove() ?? rm(path.join(options.dir, appId), { recursive: true, force: true }));
    },
    async retain(appIds) {
      const found = await readdir(options.dir).catch(() => []);
      const gone = found.filter((name) => !appIds.has(name) && !logs.has(name as AppId));
      await Promise.all(gone.map((name) => rm(path.join(options.dir, name), { recursive: true, force: true })));
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...logs.values()].map((log) => log.close()));
    },
  };
}

function* toStored(line: LogLine) {
  const ns = nsOf(line.at);
  const process = cleanText(line.process).replaceAll("\t", " ");
  for (const text of line.text.split(/\r?\n/)) {
    for (const piece of splitText(cleanText(text))) yield { ns, source: line.source, process, text: piece };
  }
}
