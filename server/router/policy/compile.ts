import type { TableRoute } from "../protocol.ts";
import type { CompiledPolicy } from "./compiled-policy.ts";

/**
 * Makes a route's policy ready for use; undefined when the route has none: it then costs nothing. Called when a table is
 * applied, for each route whose policy is another than before; `before` may hand over its state (counters, caches).
 */
export function compilePolicy(route: TableRoute, _before?: CompiledPolicy): CompiledPolicy | undefined {
  const { policy } = route;
  if (policy === undefined) return undefined;
  const { connectMs, firstByteMs, idleMs } = policy.timeouts ?? {};
  return {
    middlewares: [],
    times: {
      ...(connectMs === undefined ? {} : { connectTimeoutMs: connectMs }),
      ...(firstByteMs === undefined ? {} : { firstByteTimeoutMs: firstByteMs }),
      ...(idleMs === undefined ? {} : { idleTimeoutMs: idleMs }),
    },
  };
}
