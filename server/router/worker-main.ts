import { messageOf } from "../core/errors.ts";
import { DataPath } from "./data-path.ts";
import { workerState } from "./policy/compile.ts";
import { RecordBuffer } from "./record-buffer.ts";
import { placeOf } from "./table-change.ts";
import type { WorkerQuestion } from "./wire.ts";
import type { FromWorker, ToWorker } from "./worker-messages.ts";

const flushEveryMs = 100;

/** One of several workers: a child of the router's primary, which tells it everything over the process channel. */
function run(): void {
  let dataPath: DataPath | undefined;
  const records = new RecordBuffer();
  const flush = () => {
    for (const { packed, dropped } of records.drain()) send({ type: "records", packed, dropped });
  };
  setInterval(flush, flushEveryMs);
  workerState.tell = (spent) => send({ type: "spent", spent });
  process.on("message", (message: ToWorker) => {
    if (message.type === "start") {
      dataPath = new DataPath({ ...message, records });
      listen(dataPath);
    } else if (message.type === "spent") {
      workerState.hear(message.spent);
    } else if (dataPath !== undefined && message.type === "question") {
      void answer(dataPath, message.id, message.question);
    } else if (dataPath !== undefined && message.type === "close") {
      void dataPath.close(message.deadlineMs, message.idleMs).then(() => {
        flush();
        process.disconnect();
      });
    }
  });
  process.on("SIGTERM", () => {});
  process.on("SIGINT", () => {});
}

function listen(dataPath: DataPath): void {
  dataPath.listen().then(
    (ports) => send({ type: "listening", ports }),
    (err: NodeJS.ErrnoException & { readonly port?: number }) =>
      send({ type: "failed", code: err.code ?? "", message: messageOf(err), port: err.port }),
  );
}

async function answer(dataPath: DataPath, id: number, question: WorkerQuestion): Promise<void> {
  send({ type: "reply", id, value: await ask(dataPath, question) });
}

async function ask(dataPath: DataPath, question: WorkerQuestion): Promise<unknown> {
  if (question.type === "drain") return dataPath.drain(question.targetIds, question.deadlineMs);
  if (question.type === "purge") {
    const { below, ...route } = question.what;
    return workerState.purge(placeOf(route), below);
  }
  if (question.type === "encrypt") dataPath.encrypt(question.secrets);
  if (question.type === "change" && !dataPath.change(question.change)) return false;
  if (question.type === "apply") dataPath.apply(question.table);
  if (question.type === "apply" || question.type === "change") await dataPath.settled();
  return dataPath.status();
}

function send(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

if (import.meta.main) run();
