import { appendFileSync, renameSync, statSync } from "node:fs";
import { createLog, type Log, writeToStderr } from "../core/log.ts";
import type { Config } from "../config/config.ts";

const maxBytes = 16 * 1024 * 1024;

/** Appends to `<home>/paasd.log`, one file of 16 MB kept beside it. Written at once: a killed daemon has said why. */
export function openOperatorLog(file: string, level: Config["logLevel"]): Log {
  let size = sizeOf(file);
  return createLog((line) => {
    if (size > maxBytes) {
      renameSync(file, `${file}.1`);
      size = 0;
    }
    try {
      appendFileSync(file, line, { mode: 0o600 });
      size += Buffer.byteLength(line);
    } catch {
      // A full disk must not end what is only being reported on.
      writeToStderr(line);
    }
  }, level);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
