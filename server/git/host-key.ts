import { readFile, rename, writeFile } from "node:fs/promises";
import ssh2 from "ssh2";

/** The server's ed25519 key in OpenSSH's format, made once: clients remember it. */
export async function loadHostKey(file: string): Promise<string> {
  const kept = await readFile(file, "utf8").catch((err: NodeJS.ErrnoException) => {
    if (err.code === "ENOENT") return undefined;
    throw err;
  });
  if (kept !== undefined) return kept;
  const made = ssh2.utils.generateKeyPairSync("ed25519", { comment: "paas" });
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, made.private, { mode: 0o600 });
  await rename(draft, file);
  return made.private;
}
