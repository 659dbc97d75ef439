import cluster, { type Worker } from "node:cluster";
import { fileURLToPath } from "node:url";
import type { Log } from "../core/log.ts";
import type { DataPathOptions, WorkerStatus } from "./data-path.ts";
import type { SpentRates } from "./policy/state.ts";
import type { RecordBuffer } from "./record-buffer.ts";
import type { PurgeRequest, RoutingTable } from "./protocol.ts";
import type { TableChange } from "./table-change.ts";
import type { TlsOptions, TlsSecrets } from "./tls/encryption.ts";
import type { WorkerQuestion } from "./wire.ts";
import type { FromWorker, ListeningPorts, ToWorker } from "./worker-messages.ts";
import type { Workers } from "./workers.ts";

export interface ClusterOptions extends DataPathOptions {
  readonly count: number;
  readonly log: Log;
}

const replaceAfterMs = 200;

/**
 * Several workers. Each listens for itself where the queue of one that dies passes to the others, else on one socket that
 * this process holds. One that dies is replaced and starts with the table in force.
 */
export async function startClusterWorkers(options: ClusterOptions): Promise<Workers> {
  const workers = new ClusterWorkers(options);
  await workers.start();
  return workers;
}

class ClusterWorkers implements Workers {
  readonly #options: ClusterOptions;
  readonly #members = new Map<number, Member>();
  #table: RoutingTable;
  #tls: TlsOptions | undefined;
  #isClosing = false;
  #port: number;
  ports: ListeningPorts = { http: 0, https: undefined };

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#table = options.table;
    this.#port = options.port;
    this.#tls = options.tls;
    // Round robin would hand each connection over a channel: more than twice the work.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: fileURLToPath(new URL("./worker-main.ts", import.meta.url)), args: [] });
  }

  async start(): Promise<void> {
    // The first finds the ports for all where none are given.
    const ports = await this.#fork().listening;
    // Sockets that all share are found by the port that was asked for, whatever it has become.
    if (this.#options.isShared === true) this.#keepPorts(ports);
    const others = Array.from({ length: this.#options.count - 1 }, () => this.#fork());
    await Promise.all(others.map((member) => member.listening));
    this.ports = ports;
  }

  #keepPorts({ http, https }: ListeningPorts): void {
    this.#port = http;
    if (this.#tls !== undefined && https !== undefined) this.#tls = { ...this.#tls, port: https };
  }

  async apply(table: RoutingTable, change?: TableChange): Promise<void> {
    this.#table = table;
    const tell = async (member: Member) => {
      if (change !== undefined && (await member.ask({ type: "change", change })) !== false) return;
      await member.ask({ type: "apply", table });
    };
    await Promise.all([...this.#members.values()].map(tell));
  }

  async encrypt(secrets: TlsSecrets): Promise<void> {
    if (this.#tls !== undefined) this.#tls = { ...this.#tls, secrets };
    await this.#askAll({ type: "encrypt", secrets });
  }

  async drain(targetIds: readonly string[], deadlineMs: number): Promise<boolean> {
    const answers = await this.#askAll({ type: "drain", targetIds, deadlineMs });
    return answers.every((answer) => answer === true);
  }

  async status(): Promise<readonly WorkerStatus[]> {
    return (await this.#askAll({ type: "status" })) as readonly WorkerStatus[];
  }

  async purge(what: PurgeRequest): Promise<number> {
    const counts = (await this.#askAll({ type: "purge", what })) as readonly number[];
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async close(deadlineMs: number, idleMs: number): Promise<void> {
    this.#isClosing = true;
    const members = [...this.#members.values()];
    for (const member of members) member.send({ type: "close", deadlineMs, idleMs });
    await Promise.all(members.map((member) => member.exited));
  }

  /** Answers of all that live. One that dies meanwhile has nothing under way and routes by no table: it is left out. */
  async #askAll(question: WorkerQuestion): Promise<unknown[]> {
    const answers = await Promise.all([...this.#members.values()].map((member) => member.ask(question)));
    return answers.filter((answer) => answer !== gone).map((answer) => answer);
  }

  #fork(): Member {
    const { listen, isShared = false, log } = this.#options;
    const member = new Member(cluster.fork(), this.#options.records, (spent) => {
      for (const other of this.#members.values()) if (other !== member) other.send({ type: "spent", spent });
    });
    this.#members.set(member.id, member);
    // Messages arrive in order: a table that is applied from now on comes after this one.
    member.send({ type: "start", listen, port: this.#port, isShared, table: this.#table, tls: this.#tls });
    void member.exited.then((cause) => {
      this.#members.delete(member.id);
      if (this.#isClosing) return;
      log.error("router worker died", { worker: member.pid, cause });
      if (this.ports.http !== 0) setTimeout(() => this.#replace(), replaceAfterMs);
    });
    return member;
  }

  #replace(): void {
    if (this.#isClosing) return;
    this.#fork().listening.catch((err: unknown) => this.#options.log.error("router worker did not start", { err }));
  }
}

const gone = Symbol("the worker is gone");

class Member {
  readonly #worker: Worker;
  readonly #questions = new Map<number, (value: unknown) => void>();
  #nextId = 1;
  readonly listening: Promise<ListeningPorts>;
  /** Resolves with the exit code or signal. */
  readonly exited: Promise<string>;

  constructor(worker: Worker, records: RecordBuffer, onSpent: (spent: SpentRates) => void) {
    this.#worker = worker;
    const { promise, resolve, reject } = Promise.withResolvers<ListeningPorts>();
    this.listening = promise;
    worker.on("message", (message: FromWorker) => {
      if (message.type === "listening") resolve(message.ports);
      else if (message.type === "failed") reject(toError(message));
      else if (message.type === "records") records.take(message.packed, message.dropped);
      else if (message.type === "spent") onSpent(message.spent);
      else this.#questions.get(message.id)?.(message.value);
    });
    worker.on("error", () => {});
    this.exited = new Promise((exited) => {
      worker.once("exit", (code, signal) => {
        reject(new Error(`worker ended (${signal ?? code}) before it listened`));
        for (const answer of this.#questions.values()) answer(gone);
        exited(signal ?? String(code));
      });
    });
    promise.catch(() => {});
  }

  get id(): number {
    return this.#worker.id;
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  send(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.send(message);
  }

  ask(question: WorkerQuestion): Promise<unknown> {
    if (!this.#worker.isConnected()) return Promise.resolve(gone);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#questions.set(id, (value) => {
        this.#questions.delete(id);
        resolve(value);
      });
      this.send({ type: "question", id, question });
    });
  }
}

function toError({ message, code, port }: Extract<FromWorker, { readonly type: "failed" }>): Error {
  return Object.assign(new Error(message), { code, port });
}
