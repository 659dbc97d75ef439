import type { AppId } from "../../../server/core/ids.ts";
import { silentLog } from "../../../server/core/log.ts";
import { connectDocker } from "../../../server/docker/client.ts";
import { createLogEngine } from "../../../server/docker/logs.ts";
import { createLogs } from "../../../server/logs/logs.ts";

// A daemon's log part in a process of its own, so that a test can kill it.
const [dir = "", home = "", app = ""] = process.argv.slice(2);
const logs = createLogs({
  store: { dir, segmentBytes: 4 * 1024 * 1024 },
  engine: createLogEngine(connectDocker(), home),
  resolve: () => app as AppId,
  log: silentLog,
});
logs.collector.start();
