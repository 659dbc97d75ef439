import { parseArgs } from "node:util";
import { pathsOf } from "../config/config.ts";
import { createLog, type Log, writeToStderr } from "../core/log.ts";
import { exitCodes } from "./exit-codes.ts";
import { keyVariable } from "./sealed-file.ts";
import { RouterRunningError, startRouter } from "./router.ts";

const closeDeadlineMs = 30_000;
/** For long downloads and tunnels of a router that was replaced. */
const leaveDeadlineMs = 600_000;

/** The router's process: `main.ts --home=DIR --listen=ADDRESS --http-port=N [--https-port=N] --workers=N`. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      home: { type: "string" },
      listen: { type: "string", default: "0.0.0.0" },
      "http-port": { type: "string", default: "80" },
      // Without it there is no TLS.
      "https-port": { type: "string" },
      workers: { type: "string", default: "1" },
      build: { type: "string" },
      "take-over": { type: "boolean", default: false },
      // Several workers share one, as they do where the kernel cannot pass on the queue of one that dies.
      "one-socket": { type: "boolean", default: false },
      // Only fills the compile cache: a process that strips types itself needs 17 MB more for good.
      warm: { type: "boolean", default: false },
    },
  });
  if (values.warm) await Promise.all([import("./cluster-workers.ts"), import("./worker-main.ts")]);
  if (values.home === undefined) return;
  const log = createLog(writeToStderr).with({ part: "router", pid: process.pid });
  keepGoing(log);
  const ended = new Promise<string>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, resolve);
  });
  process.on("SIGHUP", () => {});
  const { [keyVariable]: key } = process.env;
  // Nothing that this process starts has a use for it.
  delete process.env[keyVariable];
  const router = await startRouter({
    key,
    paths: pathsOf(values.home),
    listen: values.listen,
    httpPort: Number(values["http-port"]),
    httpsPort: values["https-port"] === undefined ? undefined : Number(values["https-port"]),
    workers: Number(values.workers),
    build: values.build,
    takesOver: values["take-over"],
    hasOneSocket: values["one-socket"],
    log,
  });
  const cause = await Promise.race([ended, router.resigned]);
  log.info("router ends", { signal: cause ?? "resigned" });
  // One that was replaced has time, until it is told otherwise.
  if (cause === undefined) await Promise.race([router.leave(leaveDeadlineMs), ended]);
  else await router.close(closeDeadlineMs);
  process.exit(0);
}

/** What is not foreseen in one exchange must not end all others: an exchange shares nothing with them. */
function keepGoing(log: Log): void {
  process.on("uncaughtException", (err) => log.error("router met an unforeseen error", { err }));
  process.on("unhandledRejection", (err) => log.error("router met an unforeseen rejection", { err }));
}

function exitCodeOf(err: unknown, httpsPort: number): number {
  if (err instanceof RouterRunningError) return exitCodes.running;
  const code = err instanceof Error && "code" in err ? err.code : undefined;
  const isHttps = err instanceof Error && "port" in err && err.port === httpsPort;
  if (code === "EADDRINUSE") return isHttps ? exitCodes.httpsPortTaken : exitCodes.portTaken;
  if (code === "EACCES") return isHttps ? exitCodes.httpsPortDenied : exitCodes.portDenied;
  return exitCodes.failed;
}

if (import.meta.main) {
  main().catch((err: unknown) => {
    createLog(writeToStderr).error("router did not start", { err });
    const flag = process.argv.find((arg) => arg.startsWith("--https-port="));
    process.exit(exitCodeOf(err, Number(flag?.split("=")[1])));
  });
}
