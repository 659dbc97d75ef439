import type { Target } from "../protocol.ts";
import type { CallOptions, InstanceEvents, InstanceTransport } from "../sides.ts";
import { InstanceConnection } from "./instance-connection.ts";

export interface PoolOptions {
  readonly instanceKeepAliveMs: number;
  readonly idlePerInstance: number;
  readonly maxAnswerHeadBytes: number;
  readonly maxHeaders: number;
}

/**
 * One stack of idle connections per instance. What may not be sent twice goes over a connection of its own: an instance
 * that closes an idle connection at that moment would otherwise fail a request that nobody may repeat.
 */
export class Http1Pool implements InstanceTransport {
  readonly options: PoolOptions;
  readonly #idle = new Map<string, InstanceConnection[]>();
  #listed: ReadonlySet<string> = new Set();
  #isClosed = false;
  /** The time, as far as it matters here: what is too old goes with the sweep after. */
  #sweptAt = performance.now();

  constructor(options: PoolOptions) {
    this.options = options;
  }

  call(target: Target, options: CallOptions, events: InstanceEvents): InstanceConnection {
    const connection = (options.mayReuse ? this.#take(target.id) : undefined) ?? new InstanceConnection(this, target);
    connection.begin(options, events);
    return connection;
  }

  retain(targetIds: ReadonlySet<string>): void {
    this.#listed = targetIds;
    for (const [id, idle] of this.#idle) {
      if (targetIds.has(id)) continue;
      this.#idle.delete(id);
      for (const connection of idle) connection.destroy();
    }
  }

  /** Closes what was idle for so long that the instance might close it. */
  sweep(now: number): void {
    this.#sweptAt = now;
    for (const [id, idle] of this.#idle) {
      let old = 0;
      while (old < idle.length && (idle[old] as InstanceConnection).idleUntil <= now) old += 1;
      if (old === 0) continue;
      for (const connection of idle.splice(0, old)) connection.destroy();
      if (idle.length === 0) this.#idle.delete(id);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const idle of this.#idle.values()) for (const connection of idle) connection.destroy();
    this.#idle.clear();
  }

  /** Its exchange is over. Kept for the next one where that is safe. */
  release(connection: InstanceConnection, isFit: boolean): void {
    const { id } = connection.target;
    const idle = this.#idle.get(id);
    const hasRoom = (idle?.length ?? 0) < this.options.idlePerInstance;
    if (!isFit || !hasRoom || this.#isClosed || !this.#listed.has(id)) {
      connection.destroy();
      return;
    }
    connection.idleUntil = this.#sweptAt + connection.keepAliveMs;
    if (idle === undefined) this.#idle.set(id, [connection]);
    else idle.push(connection);
  }

  /** An idle connection was closed. */
  lost(connection: InstanceConnection): void {
    const idle = this.#idle.get(connection.target.id);
    const index = idle?.indexOf(connection) ?? -1;
    if (index !== -1) idle?.splice(index, 1);
  }

  /** The instance closes its idle connections, or is gone: none of the others can be trusted. */
  distrust(targetId: string): void {
    const idle = this.#idle.get(targetId);
    this.#idle.delete(targetId);
    for (const connection of idle ?? []) connection.destroy();
  }

  #take(id: string): InstanceConnection | undefined {
    return this.#idle.get(id)?.pop();
  }
}
