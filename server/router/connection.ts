import { connect, type Socket } from "node:net";
import {
  type FromRouter,
  type Hello,
  type Question,
  readMessages,
  type RecordBatch,
  type Reply,
  sendMessage,
} from "./wire.ts";

/** The router did not answer, or stopped to. */
export class ConnectionLost extends Error {}

/** One connection to a router's control socket, after its greeting. */
export class Connection {
  readonly #socket: Socket;
  readonly #questions = new Map<number, PromiseWithResolvers<unknown>>();
  #nextId = 1;
  #onRecords: (batch: RecordBatch) => void = () => {};
  readonly hello: Hello;
  readonly closed: Promise<void>;

  constructor(socket: Socket, hello: Hello) {
    this.#socket = socket;
    this.hello = hello;
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        for (const question of this.#questions.values()) question.reject(new ConnectionLost("connection lost"));
        this.#questions.clear();
        resolve();
      });
    });
  }

  /** @throws ConnectionLost when the router goes away first */
  ask(question: Question): Promise<unknown> {
    if (this.#socket.destroyed) return Promise.reject(new ConnectionLost("connection lost"));
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<unknown>();
    this.#questions.set(id, waiting);
    sendMessage(this.#socket, { ...question, id });
    return waiting.promise;
  }

  /** Takes the request records from now on. Each batch is confirmed when `onRecords` returns. */
  subscribe(onRecords: (batch: RecordBatch) => void): void {
    this.#onRecords = onRecords;
    sendMessage(this.#socket, { type: "subscribe" });
  }

  close(): void {
    this.#socket.destroy();
  }

  receive(message: Reply | RecordBatch): void {
    if (message.type === "records") {
      this.#onRecords(message);
      sendMessage(this.#socket, { type: "received", upTo: message.first + message.packed.count });
      return;
    }
    const waiting = this.#questions.get(message.id);
    this.#questions.delete(message.id);
    if (message.ok) waiting?.resolve(message.value);
    else waiting?.reject(new Error(message.message));
  }
}

/** @throws ConnectionLost when nobody greets within `timeoutMs` */
export function openConnection(path: string, timeoutMs: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let connection: Connection | undefined;
    const timer = setTimeout(() => socket.destroy(new Error(`no greeting within ${timeoutMs} ms`)), timeoutMs);
    socket.on("error", (cause) => reject(new ConnectionLost(`router does not answer: ${cause.message}`, { cause })));
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new ConnectionLost("router closed the connection"));
    });
    readMessages(socket, (raw) => {
      const message = raw as FromRouter;
      if (message.type !== "hello") {
        connection?.receive(message);
        return;
      }
      clearTimeout(timer);
      connection = new Connection(socket, message);
      resolve(connection);
    });
  });
}
