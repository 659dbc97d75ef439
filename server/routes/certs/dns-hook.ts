import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { AcmeRefusal } from "./acme.ts";

const timeoutMs = 10 * 60_000;

/**
 * Lets the operator's program set a TXT record: `HOOK present _acme-challenge.example.test VALUE`, and later `HOOK cleanup …`.
 * It ends with 0 when every name server of the zone has the record. @throws AcmeRefusal with what it said
 */
export async function presentDns(
  hook: string,
  name: string,
  value: string,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  const record = `_acme-challenge.${name.replace(/^\*\./, "")}`;
  await run(hook, ["present", record, value], signal);
  return { [Symbol.asyncDispose]: () => run(hook, ["cleanup", record, value], AbortSignal.timeout(timeoutMs)) };
}

async function run(hook: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await promisify(execFile)(hook, args, { timeout: timeoutMs, signal, maxBuffer: 1024 * 1024 });
  } catch (err) {
    signal.throwIfAborted();
    const said = err instanceof Error && "stderr" in err ? String(err.stderr).trim() : "";
    const code = err instanceof Error && "code" in err ? String(err.code) : "unknown";
    throw new AcmeRefusal(`the DNS hook failed at ${args[0]} (${code})${said === "" ? "" : `: ${said.slice(-300)}`}`);
  }
}
