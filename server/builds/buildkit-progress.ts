import { killedStep, type StepMemory } from "./breach.ts";
import { BuildFailed } from "./failure.ts";
import type { BuildTrace, DockerfileRecord, TraceLog, TraceStep } from "./image-engine.ts";

/** Of the engine itself: what it says about reading the context tells the reader nothing unless it fails. */
const noise = /^\[internal\]|^copy \/context|^resolve image config|^exporting/;
const pulled = /^\[internal\] load metadata for (\S+)|^\[(?:\S+ )?\d+\/\d+\] FROM (\S+)/;
const exitPattern = /exit code: (\d+)\s*$/;
const parsePattern =
  /dockerfile parse error|unknown instruction|failed to create LLB definition|Dockerfile cannot be empty|file with no instructions|no build stage in current context/i;

interface Known {
  readonly number: number;
  readonly step: TraceStep;
  readonly isAnnounced: boolean;
  readonly isDone: boolean;
  /** The end of its output that is no whole line yet. */
  readonly rest: string;
}

/** Follows BuildKit's records: what to show, as the docker CLI does, and what became of the build. */
export class BuildkitProgress {
  readonly #steps = new Map<string, Known>();
  #last = 0;
  #current: TraceStep | undefined;
  #imageId: string | undefined;
  #error: string | undefined;

  take(record: DockerfileRecord): string | undefined {
    if (record.error !== undefined) this.#error = record.errorDetail?.message ?? record.error;
    if (record.aux?.ID !== undefined) this.#imageId = record.aux.ID;
    const shown = record.trace === undefined ? "" : this.#trace(record.trace);
    return shown === "" ? undefined : shown;
  }

  /** What is being done: `step 3/5 (RUN npm ci)` */
  get current(): string {
    return this.#current === undefined ? "the Dockerfile build" : place(this.#current.name);
  }

  /** The image that a `# syntax=` line names and that could not be had. */
  get missingSyntax(): string | undefined {
    const failed = this.#failed();
    return failed === undefined ? undefined : /^resolve image config for (?:docker\.io\/)?(\S+)/.exec(failed.name)?.[1];
  }

  /** @throws BuildFailed unless the engine said that there is an image, and no error */
  assertBuilt(memory: StepMemory): void {
    if (this.#error !== undefined) throw this.#failure(plain(this.#error), memory);
    if (this.#imageId !== undefined) return;
    throw new BuildFailed(
      `The engine ended the build without a result, in ${this.current}.`,
      'Push again; "paas doctor" checks the engine.',
    );
  }

  #trace(trace: BuildTrace): string {
    return [
      ...trace.steps.map((step) => this.#step(step)),
      ...trace.logs.map((log) => this.#log(log)),
      ...trace.warnings.map((text) => `WARNING: ${text}\n`),
    ].join("");
  }

  #step(step: TraceStep): string {
    const known = this.#steps.get(step.digest) ?? { number: 0, step, isAnnounced: false, isDone: false, rest: "" };
    if (step.startedAt !== undefined && step.completedAt === undefined) this.#current = step;
    const isNoise = noise.test(step.name) && step.error === undefined;
    // BuildKit says of each step that it is there long before it begins.
    if (isNoise || (step.startedAt === undefined && !step.isCached)) {
      this.#steps.set(step.digest, { ...known, step });
      return "";
    }
    const number = known.number > 0 ? known.number : ++this.#last;
    const title = known.isAnnounced ? "" : `#${number} ${step.name}\n`;
    const isDone = step.completedAt !== undefined;
    const end =
      isDone && !known.isDone
        ? `${known.rest === "" ? "" : `#${number} ${known.rest}\n`}#${number} ${outcome(step)}\n`
        : "";
    this.#steps.set(step.digest, {
      number,
      step,
      isAnnounced: true,
      isDone: known.isDone || isDone,
      rest: isDone ? "" : known.rest,
    });
    return `${title}${end}`;
  }

  #log(log: TraceLog): string {
    const known = this.#steps.get(log.digest);
    if (known === undefined) return "";
    const lines = (known.rest + log.bytes.toString()).split("\n");
    const rest = lines.pop() ?? "";
    this.#steps.set(log.digest, { ...known, rest });
    const since = log.at === undefined || known.step.startedAt === undefined ? 0 : log.at - known.step.startedAt;
    const seconds = (Math.max(0, since) / 1000).toFixed(3);
    return lines.map((line) => `#${known.number} ${seconds} ${line}\n`).join("");
  }

  #failed(): TraceStep | undefined {
    const failed = [...this.#steps.values()].map((k) => k.step).filter((s) => s.error !== undefined);
    // What was under way beside the one that failed is said to be cancelled.
    return failed.find((s) => !/context canceled/.test(s.error ?? "")) ?? failed[0];
  }

  #failure(message: string, memory: StepMemory): BuildFailed {
    const failed = this.#failed();
    const code = Number(exitPattern.exec(message)?.[1] ?? 0);
    if (failed !== undefined && code === 137) {
      return killedStep(place(failed.name), memory);
    }
    if (failed !== undefined && code !== 0) {
      return new BuildFailed(
        `Dockerfile ${place(failed.name)} exited with code ${code}.`,
        "Its output above says why.",
      );
    }
    const [, metadata, from] = pulled.exec(failed?.name ?? "") ?? [];
    const base = (metadata ?? from)?.replace(/^docker\.io\/(?:library\/)?/, "");
    if (base !== undefined) {
      return new BuildFailed(
        `The base image "${base}" could not be pulled: ${message}`,
        "Check its name and tag, and that this machine reaches the image's registry.",
      );
    }
    const secret = /secret (\S+) is not given|secret (\S+) not found|(\S+): not found.*secret/.exec(message);
    if (secret !== null) {
      const name = secret[1] ?? secret[2] ?? secret[3] ?? "";
      return new BuildFailed(
        `The Dockerfile mounts the secret "${name}", which is not given to the build.`,
        `Give it: paas config:set ${name}=… and paas builds:dockerfile:set --secret ${name}`,
      );
    }
    if (failed === undefined || parsePattern.test(message)) {
      return new BuildFailed(
        `The Dockerfile cannot be read: ${message}`,
        "Correct the Dockerfile, commit and push again.",
      );
    }
    return new BuildFailed(
      `Dockerfile ${place(failed.name)} failed: ${message}`,
      "Correct the Dockerfile, commit and push again.",
    );
  }
}

function outcome(step: TraceStep): string {
  if (step.error !== undefined) return `ERROR: ${plain(step.error)}`;
  if (step.isCached) return "CACHED";
  return `DONE ${(((step.completedAt ?? 0) - (step.startedAt ?? 0)) / 1000).toFixed(1)}s`;
}

/** `[build 2/4] RUN npm ci` → `step 2/4 of build (RUN npm ci)` */
function place(name: string): string {
  const [, stage, count, instruction] = /^\[(?:(\S+) +)?(\d+\/\d+)\] (.*)$/s.exec(name) ?? [];
  if (count === undefined || instruction === undefined) return `step "${name}"`;
  const isNamed = stage !== undefined && !/^stage-\d+$/.test(stage);
  return `step ${count}${isNamed ? ` of ${stage}` : ""} (${instruction.replace(/\s+/g, " ")})`;
}

/** Without what the parts of BuildKit say of each other. */
function plain(message: string): string {
  return message
    .replace(/\s+/g, " ")
    .replace(/^(?:failed to solve(?: with frontend \S+)?: |rpc error: code = \w+ desc = )+/, "")
    .trim();
}
