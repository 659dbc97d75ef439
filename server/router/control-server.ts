import { createServer, type Server, type Socket } from "node:net";
import { messageOf } from "../core/errors.ts";
import type { RecordBuffer } from "./record-buffer.ts";
import {
  type Hello,
  type NumberedQuestion,
  protocolVersion,
  readMessages,
  sendMessage,
  sendRecords,
  type ToRouter,
} from "./wire.ts";

/** What the control socket offers. */
export interface Controlled {
  hello(): Omit<Hello, "type" | "protocol">;
  ask(question: NumberedQuestion): Promise<unknown>;
}

/** So many are not left waiting for the next push. */
const manyRecords = 500;
const pushEveryMs = 100;

/** Listens on a unix socket for the daemon. Only the owner may connect. */
export class ControlServer implements AsyncDisposable {
  readonly #router: Controlled;
  readonly #records: RecordBuffer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #subscriber: Socket | undefined;
  #isWaiting = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(router: Controlled, records: RecordBuffer) {
    this.#router = router;
    this.#records = records;
    this.#server = createServer((socket) => this.#connected(socket));
  }

  async listen(path: string): Promise<void> {
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once("error", reject).listen(path, resolve);
      });
    } finally {
      process.umask(before);
    }
    this.#timer = setInterval(() => this.#push(), pushEveryMs);
  }

  /** Leaves the socket's path to another; those that are connected stay. */
  resign(): void {
    this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#push();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroySoon();
    await closed;
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#subscriber === socket) this.#subscribe(undefined);
    });
    readMessages(socket, (message) => this.#received(socket, message as ToRouter));
    sendMessage(socket, { type: "hello", protocol: protocolVersion, ...this.#router.hello() });
  }

  #received(socket: Socket, message: ToRouter): void {
    if (message.type === "subscribe") {
      this.#subscribe(socket);
    } else if (message.type === "received") {
      if (socket !== this.#subscriber) return;
      this.#records.confirm(message.upTo);
      this.#isWaiting = false;
      if (this.#records.size >= manyRecords) this.#push();
    } else {
      void this.#answer(socket, message);
    }
  }

  async #answer(socket: Socket, message: NumberedQuestion): Promise<void> {
    try {
      sendMessage(socket, { type: "reply", id: message.id, ok: true, value: await this.#router.ask(message) });
    } catch (err) {
      sendMessage(socket, { type: "reply", id: message.id, ok: false, message: messageOf(err) });
    }
  }

  #subscribe(socket: Socket | undefined): void {
    this.#subscriber = socket;
    this.#isWaiting = false;
    this.#push();
  }

  /** One batch at a time: what is not confirmed comes again on the next connection. */
  #push(): void {
    if (this.#subscriber === undefined || this.#isWaiting) return;
    const batch = this.#records.peek();
    if (batch === undefined) return;
    this.#isWaiting = true;
    sendRecords(this.#subscriber, batch);
  }
}
