import { rmSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Paths } from "../config/config.ts";
import { messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { createSealer, type Sealer } from "../core/seal.ts";
import { openConnection } from "./connection.ts";
import { type Controlled, ControlServer } from "./control-server.ts";
import type { WorkerStatus } from "./data-path.ts";
import { sumTraffic } from "./metrics.ts";
import { Predecessor } from "./predecessor.ts";
import type { RoutingTable } from "./protocol.ts";
import { RecordBuffer } from "./record-buffer.ts";
import { mustBeFree, queuesMigrate } from "./sharing.ts";
import { type Encryption, isEncryption, noEncryption, type TlsSecrets } from "./tls/encryption.ts";
import { loadEncryption, saveEncryption } from "./tls/secrets-file.ts";
import { newTicketKeys, ticketLifeMs } from "./tls/ticket-keys.ts";
import { saveJson } from "./sealed-file.ts";
import { changed, type TableChange } from "./table-change.ts";
import { emptyTable, isRoutingTable, loadTable } from "./table-file.ts";
import type { ApplyResult, Hello, NumberedQuestion, RouterStatus } from "./wire.ts";
import { startLocalWorker, type Workers } from "./workers.ts";

export interface RouterOptions {
  readonly paths: Pick<Paths, "routerDir" | "routerPidFile" | "routerSocket">;
  readonly listen: string;
  readonly httpPort: number;
  /** Undefined: no TLS. */
  readonly httpsPort?: number | undefined;
  readonly workers: number;
  readonly log: Log;
  /** 32 bytes, base64: seals what is kept on disk. Without it nothing is kept. */
  readonly key?: string | undefined;
  /** Of the source, for whoever asks whether this router is of its version. */
  readonly build?: string | undefined;
  /** Take the place of a router that runs, without a moment in which nobody listens. */
  readonly takesOver?: boolean;
  /** Several workers share one socket whatever the kernel can do. */
  readonly hasOneSocket?: boolean;
}

export interface Router {
  readonly httpPort: number;
  /** Another router has taken this place: {@link leave} is due. */
  readonly resigned: Promise<void>;
  /** Ends what is under way, without haste: clients are told with their next answer that the connection ends. */
  leave(deadlineMs: number): Promise<void>;
  /** Stops accepting at once, and resolves when what was under way has ended or `deadlineMs` has passed. */
  close(deadlineMs: number): Promise<void>;
}

/** Starts the router in this process, with the table that was in force last. @throws ROUTER_RUNNING_CODE or listen's error */
export async function startRouter(options: RouterOptions): Promise<Router> {
  const { paths, log } = options;
  await mkdir(paths.routerDir, { recursive: true, mode: 0o700 });
  if (options.takesOver !== true) {
    await claimSocket(paths.routerSocket);
    await mustBeFree(options.listen, options.httpPort);
    if (options.httpsPort !== undefined) await mustBeFree(options.listen, options.httpsPort);
  }
  const file = path.join(paths.routerDir, "table.json");
  const sealer = options.key === undefined ? undefined : createSealer(Buffer.from(options.key, "base64"));
  const table = savedTable(file, sealer, log);
  const records = new RecordBuffer();
  const isShared = options.workers <= 1 || (options.hasOneSocket !== true && (await queuesMigrate()));
  const secretsFile = path.join(paths.routerDir, "tls.json");
  const secrets = { encryption: savedEncryption(secretsFile, sealer, log), ticketKeys: newTicketKeys() };
  const workers = await startWorkers(options, table, secrets, records, isShared);
  const before = options.takesOver === true ? await Predecessor.succeed(paths.routerSocket, log, records) : undefined;
  rmSync(paths.routerSocket, { force: true });
  const core = new RouterCore(
    options,
    workers,
    table,
    { table: file, secrets: secretsFile, sealer },
    secrets,
    before,
    isShared,
  );
  const rotation = setInterval(() => core.rotate(), ticketLifeMs);
  const control = new ControlServer(core, records);
  await control.listen(paths.routerSocket);
  await writePidFile(paths.routerPidFile);
  log.info("router listens", {
    port: workers.ports.http,
    https: workers.ports.https ?? "off",
    workers: options.workers,
    routes: table.routes.length,
  });
  return {
    httpPort: workers.ports.http,
    resigned: core.resigned.then(() => control.resign()),
    async leave(deadlineMs) {
      clearInterval(rotation);
      await workers.close(deadlineMs, leaveIdleMs);
      await control[Symbol.asyncDispose]();
    },
    async close(deadlineMs) {
      clearInterval(rotation);
      before?.close();
      await removeOwnPidFile(paths.routerPidFile);
      const closed = workers.close(deadlineMs, 0);
      // At once: another router may take this place while the last answers go out.
      await control[Symbol.asyncDispose]();
      await closed;
    },
  };
}

/** How long a client's idle connection stays open for one more request after a router has been replaced. */
const leaveIdleMs = 10_000;

async function startWorkers(
  options: RouterOptions,
  table: RoutingTable,
  secrets: TlsSecrets,
  records: RecordBuffer,
  isShared: boolean,
): Promise<Workers> {
  const { listen, httpPort: port, httpsPort, workers: count, log } = options;
  const tls = httpsPort === undefined ? undefined : { port: httpsPort, secrets };
  const shared = { listen, port, isShared, tls, table, records };
  if (count <= 1) return startLocalWorker(shared);
  const { startClusterWorkers } = await import("./cluster-workers.ts");
  return startClusterWorkers({ ...shared, count, log });
}

interface Files {
  readonly table: string;
  readonly secrets: string;
  readonly sealer: Sealer | undefined;
}

class RouterCore implements Controlled {
  readonly #options: RouterOptions;
  readonly #workers: Workers;
  readonly #files: Files;
  #secrets: TlsSecrets;
  #table: RoutingTable;
  readonly #before: Predecessor | undefined;
  readonly #canResign: boolean;
  readonly #resigned = Promise.withResolvers<void>();
  #hasResigned = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    options: RouterOptions,
    workers: Workers,
    table: RoutingTable,
    files: Files,
    secrets: TlsSecrets,
    before: Predecessor | undefined,
    canResign: boolean,
  ) {
    this.#before = before;
    this.#canResign = canResign;
    this.#options = options;
    this.#workers = workers;
    this.#table = table;
    this.#files = files;
    this.#secrets = secrets;
  }

  hello(): Omit<Hello, "type" | "protocol"> {
    const { listen, workers, build } = this.#options;
    const { http: httpPort, https: httpsPort } = this.#workers.ports;
    const { pid } = process;
    return {
      pid,
      listen,
      httpPort,
      httpsPort,
      workers,
      version: this.#table.version,
      build,
      canResign: this.#canResign,
    };
  }

  get resigned(): Promise<void> {
    return this.#resigned.promise;
  }

  ask(question: NumberedQuestion): Promise<unknown> {
    if (question.type === "drain") return this.#drain(question.targetIds, question.deadlineMs);
    if (question.type === "resign") {
      this.#hasResigned = true;
      this.#resigned.resolve();
      // Once the path is free.
      return new Promise((resolve) => setImmediate(resolve, true));
    }
    if (question.type === "status") return this.#status();
    if (question.type === "purge") return this.#workers.purge(question.what);
    const applied = this.#last.then(async (): Promise<unknown> => {
      if (question.type === "encrypt") return this.#encrypt(question.encryption);
      return question.type === "apply" ? this.#apply(question.table) : this.#change(question.change);
    });
    this.#last = applied.catch(() => {});
    return applied;
  }

  async #apply(table: unknown): Promise<ApplyResult> {
    if (!isRoutingTable(table)) throw new TypeError("not a routing table");
    return this.#put(table);
  }

  async #change(change: TableChange): Promise<ApplyResult> {
    if (!isRoutingTable({ ...change, routes: change.put })) throw new TypeError("not a change of a routing table");
    const { version } = this.#table;
    return change.base === version ? this.#put(changed(this.#table, change), change) : { applied: false, version };
  }

  async #put(table: RoutingTable, change?: TableChange): Promise<ApplyResult> {
    const { version } = this.#table;
    if (table.version <= version) return { applied: false, version };
    this.#table = table;
    await Promise.all([this.#workers.apply(table, change), this.#before?.apply(table), this.#save(table)]);
    return { applied: true };
  }

  async #save(table: RoutingTable): Promise<void> {
    // The one that took this place saves it.
    const { table: file, sealer } = this.#files;
    if (this.#hasResigned || sealer === undefined) return;
    try {
      await saveJson(file, table, sealer);
    } catch (err) {
      // A full disk must not stop a deploy: the table is in force, and the next one is saved again.
      this.#options.log.error("routing table was not saved", { err });
    }
  }

  async #drain(targetIds: readonly string[], deadlineMs: number): Promise<boolean> {
    const before = this.#before?.drain(targetIds, deadlineMs) ?? true;
    const answers = await Promise.all([this.#workers.drain(targetIds, deadlineMs), before]);
    return answers.every(Boolean);
  }

  /** New keys for session tickets. */
  rotate(): void {
    this.#secrets = { ...this.#secrets, ticketKeys: newTicketKeys() };
    this.#workers
      .encrypt(this.#secrets)
      .catch((err: unknown) => this.#options.log.error("ticket keys were not changed", { err }));
  }

  async #encrypt(encryption: unknown): Promise<void> {
    if (!isEncryption(encryption)) throw new TypeError("not certificates");
    this.#secrets = { ...this.#secrets, encryption };
    await this.#workers.encrypt(this.#secrets);
    const { secrets: file, sealer } = this.#files;
    if (sealer === undefined) return;
    try {
      await saveEncryption(file, encryption, sealer);
    } catch (err) {
      this.#options.log.error("certificates were not saved", { err });
    }
  }

  async #status(): Promise<RouterStatus> {
    const all = await this.#workers.status();
    return {
      version: Math.min(...all.map((one) => one.version)),
      workers: all.length,
      inFlight: sum(all.map((one) => one.inFlight)),
      requests: all.reduce((total, one) => total + one.requests, 0),
      failures: sum(all.map((one) => one.failures)),
      rssBytes: all.map((one: WorkerStatus) => one.rssBytes),
      apps: sumTraffic(all.map((one) => one.apps)),
      tcpProblems: Object.assign({}, ...all.map((one) => one.tcpProblems)) as Record<string, string>,
      cache: {
        entries: all.reduce((total, one) => total + one.cache.entries, 0),
        bytes: all.reduce((total, one) => total + one.cache.bytes, 0),
      },
    };
  }
}

function sum(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const one of all) for (const [key, value] of Object.entries(one)) total[key] = (total[key] ?? 0) + value;
  return total;
}

function savedTable(file: string, sealer: Sealer | undefined, log: Log): RoutingTable {
  try {
    return loadTable(file, sealer) ?? emptyTable;
  } catch (err) {
    log.error("saved routing table cannot be used", { cause: messageOf(err) });
    return emptyTable;
  }
}

function savedEncryption(file: string, sealer: Sealer | undefined, log: Log): Encryption {
  try {
    return loadEncryption(file, sealer);
  } catch (err) {
    log.error("saved certificates cannot be used", { cause: messageOf(err) });
    return noEncryption;
  }
}

export class RouterRunningError extends Error {}

async function claimSocket(file: string): Promise<void> {
  const other = await openConnection(file, 1_000).catch(() => undefined);
  if (other !== undefined) {
    other.close();
    throw new RouterRunningError(`a router runs already (process ${other.hello.pid})`);
  }
  rmSync(file, { force: true });
}

async function writePidFile(file: string): Promise<void> {
  await writeFile(`${file}.new`, `${process.pid}\n`);
  await rename(`${file}.new`, file);
}

async function removeOwnPidFile(file: string): Promise<void> {
  const owner = await readFile(file, "utf8").catch(() => "");
  if (owner.trim() === String(process.pid)) await rm(file, { force: true });
}
