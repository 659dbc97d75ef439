import { readFile, rename, writeFile } from "node:fs/promises";
import ssh2 from "ssh2";

/** The server's ed25519 key in OpenSSH's format, made once: clients remember it. */
export async function loadHostKey(file: string): Promise<string> {
  const kept = await readFile(file, "utf8").catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return undefined;
    throw err;
  });
  if (kept !== undefined) return kept;
  const made = makeHostKey();
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, made, { mode: 0o600 });
  await rename(draft, file);
  return made;
}

/** One in 300 keys that ssh2 makes lacks a byte (a zero that stands first) and can be read by nobody. */
export function makeHostKey(): string {
  for (;;) {
    const made = ssh2.utils.generateKeyPairSync("ed25519", { comment: "paas" }).private;
    if (!(ssh2.utils.parseKey(made) instanceof Error)) return made;
  }
}
