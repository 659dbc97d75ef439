import { readFile } from "node:fs/promises";
import { saveJson } from "../table-file.ts";
import { type Encryption, isEncryption, noEncryption } from "./encryption.ts";

/**
 * The certificates in force, so that the router starts without the daemon. In the clear, mode 0600: the key that opens the
 * daemon's sealed columns opens every secret of the installation, and the process that strangers talk to must not hold it.
 */
export function saveEncryption(file: string, encryption: Encryption): Promise<void> {
  return saveJson(file, { ...encryption, challenges: [] });
}

/** None when there is no file. @throws when it cannot be read or is not what was saved */
export async function loadEncryption(file: string): Promise<Encryption> {
  const text = await readFile(file, "utf8").catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return undefined;
    throw err;
  });
  if (text === undefined) return noEncryption;
  const value: unknown = JSON.parse(text);
  if (!isEncryption(value)) throw new Error(`${file} holds no certificates`);
  return value;
}
