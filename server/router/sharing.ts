import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";

const migrateSetting = "/proc/sys/net/ipv4/tcp_migrate_req";

/**
 * Whether connections that wait in the queue of a listener that closes pass to another one on the same port (Linux 5.14).
 * Without it they are reset, and a worker that is killed loses what it had not accepted. Set where that is allowed.
 */
export async function queuesMigrate(): Promise<boolean> {
  try {
    if ((await readFile(migrateSetting, "utf8")).trim() !== "0") return true;
    await writeFile(migrateSetting, "1");
    return true;
  } catch {
    return false;
  }
}

/**
 * Finds out whether somebody else listens on the port: who shares it would not notice, and would take a part of the
 * other's connections. @throws the error of listen(2)
 */
export function mustBeFree(host: string, port: number): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}
