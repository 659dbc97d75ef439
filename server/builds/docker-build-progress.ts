import { BuildkitProgress } from "./buildkit-progress.ts";
import { DockerfileProgress } from "./dockerfile-progress.ts";
import type { DockerfileRecord } from "./image-engine.ts";

/** Follows a build by whichever builder the engine has: BuildKit's records show themselves. */
export class DockerBuildProgress {
  readonly #classic = new DockerfileProgress();
  #kit: BuildkitProgress | undefined;
  #ranOutOfMemory = false;

  take(record: DockerfileRecord): string | undefined {
    this.#ranOutOfMemory ||= record.ranOutOfMemory === true;
    if (record.trace !== undefined) this.#kit ??= new BuildkitProgress();
    return (this.#kit ?? this.#classic).take(record);
  }

  get current(): string {
    return (this.#kit ?? this.#classic).current;
  }

  get cached(): readonly string[] {
    return this.#kit === undefined ? this.#classic.cached : [];
  }

  get missingSyntax(): string | undefined {
    return this.#kit?.missingSyntax;
  }

  assertBuilt(limitMb: number): void {
    (this.#kit ?? this.#classic).assertBuilt({ limitMb, isOut: this.#ranOutOfMemory });
  }
}
