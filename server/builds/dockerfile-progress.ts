import { killedStep, type StepMemory } from "./breach.ts";
import { BuildFailed } from "./failure.ts";
import type { DockerfileRecord } from "./image-engine.ts";

const stepPattern = /^Step (\d+\/\d+) : (.*)/;
const imagePattern = /^ ---> ([0-9a-f]{12})$/;
/** Ids of images and containers in between say nothing to the reader; `---> Using cache` does. */
const noisePattern = /^ ---> [0-9a-f]{12}$|^ ---> Running in |^Removing intermediate container |^Successfully tagged /;
const pullFailures =
  /pull access denied|manifest|not found|repository|dial tcp|lookup|no such host|timeout|registry|TLS|x509|unauthorized|denied/i;

/** Follows the classic builder's records: what to show, and what became of the build. */
export class DockerfileProgress {
  #step = "";
  #instruction = "";
  #imageId: string | undefined;
  #container: string | undefined;
  /** Per stage, the image after its last step so far; FROM's own is not ours. */
  readonly #stages: (string | undefined)[] = [];
  #error: DockerfileRecord | undefined;

  /** What to show of a record, if anything. */
  take(record: DockerfileRecord): string | undefined {
    if (record.error !== undefined) this.#error = record;
    if (record.aux?.ID !== undefined) this.#imageId = record.aux.ID;
    if (record.stream !== undefined) return this.#stream(record.stream);
    if (record.status === undefined || record.progressDetail?.current !== undefined) return undefined;
    return `${record.id === undefined ? "" : `${record.id}: `}${record.status}\n`;
  }

  /** @throws BuildFailed unless the engine said that there is an image, and no error */
  assertBuilt(memory: StepMemory): void {
    if (this.#error) throw this.#failure(this.#error, memory);
    if (this.#imageId !== undefined) return;
    throw new BuildFailed(
      `The engine ended the build without a result${this.#step === "" ? "" : `, in ${this.#where()}`}.`,
      'Push again; "paas doctor" checks the engine.',
    );
  }

  /** What is being done: `step 3/5 (RUN npm ci)` */
  get current(): string {
    return this.#step === "" ? "the Dockerfile build" : this.#where();
  }

  /** Images that only the engine's cache holds: the last of each stage, but of the one that became the droplet. */
  get cached(): readonly string[] {
    const isBuilt = this.#imageId !== undefined && this.#error === undefined;
    return (isBuilt ? this.#stages.slice(0, -1) : this.#stages).filter((id) => id !== undefined);
  }

  #stream(text: string): string | undefined {
    const [, step, instruction] = stepPattern.exec(text) ?? [];
    if (step !== undefined && instruction !== undefined) {
      this.#step = step;
      this.#instruction = instruction.trim();
      if (this.#isFrom()) this.#stages.push(undefined);
    }
    if (!this.#isOutput(text.trimEnd())) this.#noteImage(text.trimEnd());
    return noisePattern.test(text.trimEnd()) ? undefined : text;
  }

  /** Between these two lines stands what the step itself writes, which may look like the engine's own. */
  #isOutput(line: string): boolean {
    const [, started] = /^ ---> Running in ([0-9a-f]{12})$/.exec(line) ?? [];
    if (this.#container === undefined) this.#container = started;
    else if (line === `Removing intermediate container ${this.#container}`) this.#container = undefined;
    return this.#container !== undefined;
  }

  #noteImage(line: string): void {
    const [, image] = imagePattern.exec(line) ?? [];
    if (image !== undefined && !this.#isFrom()) this.#stages[this.#stages.length - 1] = image;
  }

  #isFrom(): boolean {
    return /^FROM\s/i.test(this.#instruction);
  }

  #where(): string {
    return `step ${this.#step} (${this.#instruction})`;
  }

  #failure(record: DockerfileRecord, memory: StepMemory): BuildFailed {
    const message = (record.errorDetail?.message ?? record.error ?? "").replace(/\s+/g, " ").trim();
    const code = record.errorDetail?.code ?? 0;
    if (code === 137) {
      return killedStep(this.#where(), memory);
    }
    if (code !== 0) {
      return new BuildFailed(`Dockerfile ${this.#where()} exited with code ${code}.`, "Its output above says why.");
    }
    const [, base] = /^FROM\s+(?:--\S+\s+)*(\S+)/i.exec(this.#instruction) ?? [];
    if (base !== undefined && pullFailures.test(message)) {
      return new BuildFailed(
        `The base image "${base}" of Dockerfile step ${this.#step} could not be pulled: ${message}`,
        "Check its name and tag, and that this machine reaches the image's registry.",
      );
    }
    const at = this.#step === "" ? "The Dockerfile build failed" : `Dockerfile ${this.#where()} failed`;
    return new BuildFailed(`${at}: ${message}`, "Correct the Dockerfile, commit and push again.");
  }
}
