import { AppError } from "../core/errors.ts";
import { engineError } from "./client.ts";

/** Runs one engine call with a deadline; what it throws becomes an error of the catalogue. */
export async function bounded<T>(
  action: string,
  timeoutMs: number,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const deadline = AbortSignal.timeout(timeoutMs);
  const both = AbortSignal.any([signal, deadline]);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(both.reason);
  both.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([call(both), aborted]);
  } catch (err) {
    if (signal.aborted) throw signal.reason;
    if (deadline.aborted)
      throw new AppError("RUNTIME_FAILED", { action, cause: `no answer within ${timeoutMs / 1000} s` }, { cause: err });
    throw engineError(action, err);
  } finally {
    both.removeEventListener("abort", onAbort);
  }
}
