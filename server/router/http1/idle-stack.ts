import type { InstanceConnection } from "./instance-connection.ts";

/** Connections to one instance that nobody uses; the one that was used last comes first. */
export class IdleStack {
  readonly connections: InstanceConnection[] = [];
  /** The table names the instance: what is used no more is kept for it. */
  isListed: boolean;

  constructor(isListed: boolean) {
    this.isListed = isListed;
  }

  /** One was closed. */
  forget(connection: InstanceConnection): void {
    const index = this.connections.indexOf(connection);
    if (index !== -1) this.connections.splice(index, 1);
  }

  /** Also when the instance closes its idle connections, or is gone: none of the others can be trusted. */
  destroyAll(): void {
    for (const connection of this.connections.splice(0)) connection.destroy();
  }

  destroyOld(now: number): void {
    let old = 0;
    while (old < this.connections.length && (this.connections[old]?.idleUntil ?? 0) <= now) old += 1;
    if (old > 0) for (const connection of this.connections.splice(0, old)) connection.destroy();
  }
}
