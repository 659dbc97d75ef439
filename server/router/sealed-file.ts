import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import path from "node:path";
import type { Sealer } from "../core/seal.ts";

/*
 * What the router keeps so that it can start without the daemon: keys of certificates, hashes of passwords, client secrets.
 * Sealed with a key of its own, which who starts it hands over; the installation's key, which opens everything, is not
 * for the process that strangers talk to.
 */

/** Of the environment in which the router is started: 32 bytes, base64. */
export const keyVariable = "PAAS_ROUTER_KEY";

/** Undefined when there is no file. One in the clear is of an earlier version. @throws when it cannot be read or opened */
export function loadJson(file: string, sealer: Sealer | undefined): unknown {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("sealed" in value)) return value;
  if (sealer === undefined) throw new Error(`${file} is sealed and there is no key`);
  return sealer.open(String(value.sealed));
}

/** Mode 0600. Whole or not at all, also when the power goes. One call at a time for a file. */
export async function saveJson(file: string, value: object, sealer: Sealer): Promise<void> {
  const temporary = `${file}.new`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(JSON.stringify({ sealed: sealer.seal(value) }));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const folder = await open(path.dirname(file), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
}
