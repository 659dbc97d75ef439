import type { Sealer } from "../../core/seal.ts";
import { loadJson, saveJson } from "../sealed-file.ts";
import { type Encryption, isEncryption, noEncryption } from "./encryption.ts";

/** The certificates in force, so that the router starts without the daemon. */
export function saveEncryption(file: string, encryption: Encryption, sealer: Sealer): Promise<void> {
  return saveJson(file, { ...encryption, challenges: [] }, sealer);
}

/** None when there is no file. @throws when it cannot be read or is not what was saved */
export function loadEncryption(file: string, sealer: Sealer | undefined): Encryption {
  const value = loadJson(file, sealer);
  if (value === undefined) return noEncryption;
  if (!isEncryption(value)) throw new Error(`${file} holds no certificates`);
  return value;
}
