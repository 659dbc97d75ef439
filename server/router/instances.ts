import type { Agent as HttpAgent, ClientRequest } from "node:http";
import { Agent, request } from "./node-http.ts";
import type { Policy } from "./policy.ts";
import type { Target } from "./protocol.ts";

export interface InstanceRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly string[];
  /** May go over a connection that was used before: only where it could be sent again. */
  readonly reuse: boolean;
}

/** The way to the instances. */
export interface Transport {
  open(target: Target, options: InstanceRequest): ClientRequest;
  /** Closes idle connections to all other targets. */
  retain(targetIds: ReadonlySet<string>): void;
  close(): void;
}

/**
 * One pool of idle connections per target. What may not be sent twice goes over a connection of its own: an instance
 * that closes an idle connection at that moment would otherwise fail a request that nobody may repeat.
 */
export class PooledTransport implements Transport {
  readonly #policy: Policy;
  readonly #pools = new Map<string, HttpAgent>();
  // Keeps nothing, and does not say `Connection: close` either: that would make an instance that answers before the end
  // of an upload cut the connection, and its answer with it.
  readonly #single = new Agent({ keepAlive: true });

  constructor(policy: Policy) {
    this.#policy = policy;
    // As an option 0 would mean the default.
    this.#single.maxFreeSockets = 0;
  }

  open(target: Target, options: InstanceRequest): ClientRequest {
    return request({
      agent: options.reuse ? this.#poolOf(target) : this.#single,
      host: target.host,
      port: target.port,
      method: options.method,
      path: options.target,
      headers: options.fields,
      setHost: false,
      maxHeaderSize: this.#policy.maxAnswerHeadBytes,
      insecureHTTPParser: false,
    });
  }

  retain(targetIds: ReadonlySet<string>): void {
    for (const [id, pool] of this.#pools) {
      if (targetIds.has(id)) continue;
      this.#pools.delete(id);
      closeIdle(pool);
    }
  }

  close(): void {
    for (const pool of this.#pools.values()) pool.destroy();
    this.#pools.clear();
    this.#single.destroy();
  }

  #poolOf(target: Target): HttpAgent {
    const known = this.#pools.get(target.id);
    if (known !== undefined) return known;
    const { idlePerInstance, instanceKeepAliveMs } = this.#policy;
    const pool = new Agent({
      keepAlive: true,
      maxFreeSockets: idlePerInstance,
      scheduling: "lifo",
      timeout: instanceKeepAliveMs,
    });
    this.#pools.set(target.id, pool);
    return pool;
  }
}

/** Sockets in use go on and are closed after their exchange: an instance that stops must not wait for idle ones. */
function closeIdle(pool: HttpAgent): void {
  pool.maxFreeSockets = 0;
  for (const sockets of Object.values(pool.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
