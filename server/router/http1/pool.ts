import type { Target } from "../protocol.ts";
import type { CallOptions, InstanceEvents, InstanceTransport } from "../sides.ts";
import { IdleStack } from "./idle-stack.ts";
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
  readonly #stacks = new Map<string, IdleStack>();
  #listed: ReadonlySet<string> = new Set();
  #isClosed = false;
  /** The time in whole ms, as far as it matters here: what is too old goes with the sweep after. */
  #sweptAt = Math.floor(performance.now());

  constructor(options: PoolOptions) {
    this.options = options;
  }

  call(target: Target, options: CallOptions, events: InstanceEvents): InstanceConnection {
    const stack = this.#stacks.get(target.id) ?? this.#addStack(target.id);
    const idle = options.mayReuse ? stack.pop() : undefined;
    const connection = idle ?? new InstanceConnection(this, target, stack);
    connection.begin(options, events);
    return connection;
  }

  retain(targetIds: ReadonlySet<string>): void {
    this.#listed = targetIds;
    for (const [id, stack] of this.#stacks) {
      if (targetIds.has(id)) continue;
      stack.isListed = false;
      this.#stacks.delete(id);
      stack.destroyAll();
    }
  }

  /** Closes what was idle for so long that the instance might close it. */
  sweep(now: number): void {
    this.#sweptAt = Math.floor(now);
    for (const stack of this.#stacks.values()) stack.destroyOld(now);
  }

  close(): void {
    this.#isClosed = true;
    for (const stack of this.#stacks.values()) stack.destroyAll();
  }

  /** Its exchange is over. Kept for the next one where that is safe. */
  release(connection: InstanceConnection, isFit: boolean): void {
    const { stack } = connection;
    if (!isFit || !stack.isListed || this.#isClosed || stack.size >= this.options.idlePerInstance) {
      connection.destroy();
      return;
    }
    connection.idleUntil = this.#sweptAt + connection.keepAliveMs;
    stack.push(connection);
  }

  #addStack(id: string): IdleStack {
    const stack = new IdleStack(this.#listed.has(id));
    if (stack.isListed) this.#stacks.set(id, stack);
    return stack;
  }
}
