import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { type Connection, ConnectionLost, openConnection } from "./connection.ts";
import type { RoutingTable } from "./protocol.ts";
import type { RecordBuffer } from "./record-buffer.ts";
import { protocolVersion } from "./wire.ts";

const greetingTimeoutMs = 1_000;

/**
 * The router that was here before: it has given up its port and its control socket, and ends what is under way on its
 * connections. Until it has, tables and drains concern it as well, and its request records come through here.
 */
export class Predecessor {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Has the router at the socket step back; undefined when there is none. */
  static async succeed(socket: string, log: Log, records: RecordBuffer): Promise<Predecessor | undefined> {
    let connection: Connection;
    try {
      connection = await openConnection(socket, greetingTimeoutMs);
    } catch (err) {
      if (err instanceof ConnectionLost) return undefined;
      throw err;
    }
    const { pid, protocol } = connection.hello;
    if (protocol === protocolVersion) connection.subscribe(({ packed, dropped }) => records.take(packed, dropped));
    else log.warn("request records of a router of another version are lost", { predecessor: pid });
    // One that has nothing under way may be gone before its answer is here.
    await connection.ask({ type: "resign" }).catch((err: unknown) => {
      if (!(err instanceof ConnectionLost)) throw err;
    });
    log.info("router takes over", { predecessor: pid });
    void connection.closed.then(() => log.info("the router before has ended", { predecessor: pid }));
    return new Predecessor(connection);
  }

  /** As far as it still lives: one that has ended routes nothing. */
  async apply(table: RoutingTable): Promise<void> {
    await this.#ask(() => this.#connection.ask({ type: "apply", table }));
  }

  async drain(targetIds: readonly string[], deadlineMs: number): Promise<boolean> {
    return (await this.#ask(() => this.#connection.ask({ type: "drain", targetIds, deadlineMs }))) !== false;
  }

  close(): void {
    this.#connection.close();
  }

  async #ask(question: () => Promise<unknown>): Promise<unknown> {
    try {
      return await question();
    } catch (err) {
      if (err instanceof ConnectionLost) return undefined;
      throw new Error(`the router before did not answer: ${messageOf(err)}`, { cause: err });
    }
  }
}
