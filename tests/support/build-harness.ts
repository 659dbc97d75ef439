import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type Docker from "dockerode";
import { type AppCacheState, unpurged } from "../../server/builds/app-cache.ts";
import { debian13 } from "../../server/builds/available.ts";
import {
  createBuilder,
  type ExternalBuildpacks,
  type TimedBuilder,
  type TimedBuildResult,
} from "../../server/builds/builder.ts";
import type { StackImages } from "../../server/builds/build-context.ts";
import { BuildGate } from "../../server/builds/gate.ts";
import type { DockerfileSettings } from "../../server/builds/dockerfile-settings.ts";
import type { DiskSpace, ImageEngine } from "../../server/builds/image-engine.ts";
import type { BuildLimits } from "../../server/builds/limits.ts";
import type { Available, Buildpack, BuildPlan } from "../../server/builds/plan.ts";
import { type AppId, type AppName, defaultSpace, newId, type SpaceName } from "../../server/core/ids.ts";
import { createKeyedLock } from "../../server/core/keyed-lock.ts";
import { silentLog } from "../../server/core/log.ts";
import { LineOutput } from "../../server/core/output.ts";
import type { App, ConfigVars } from "../../server/core/types.ts";
import { connectDocker, labels } from "../../server/docker/client.ts";
import { createImageEngine } from "../../server/docker/image-builder.ts";

export const testLimits: BuildLimits = {
  memoryBytes: 512 * 1024 ** 2,
  cpus: 2,
  pids: 256,
  diskBytes: 4 * 1024 ** 3,
  timeoutMs: 120_000,
};

export type SourceFiles = Readonly<Record<string, string>>;

export interface HarnessOptions {
  readonly limits?: Partial<BuildLimits>;
  readonly floorBytes?: number;
  /** Instead of the real one. */
  readonly disk?: () => DiskSpace;
  readonly gate?: BuildGate;
  /** Part of the stack's id: with a new one no layer of an earlier run is used. */
  readonly stackSalt?: string;
  /** Of Dockerfiles. */
  readonly builder?: "best" | "classic";
  readonly buildpacks?: readonly Buildpack[];
  readonly available?: (needsRegistry: boolean, signal: AbortSignal) => Promise<Available>;
  readonly external?: ExternalBuildpacks;
}

const noExternal: ExternalBuildpacks = {
  list: () => [],
  pins: { get: () => undefined, set: () => undefined },
  fetcher: {
    resolveGit: () => Promise.reject(new Error("nothing is fetched here")),
    writeGit: () => Promise.reject(new Error("nothing is fetched here")),
    download: () => Promise.reject(new Error("nothing is fetched here")),
  },
};

export interface BuildRun {
  readonly result: TimedBuildResult;
  readonly lines: readonly string[];
}

export interface BuildOptions {
  readonly plan?: BuildPlan;
  readonly config?: ConfigVars;
  /** The app is this folder of the source. */
  readonly root?: string;
  readonly dockerfile?: DockerfileSettings;
  readonly cache?: AppCacheState;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string) => void;
}

/** A builder on the real engine with a home of its own; disposing removes all that it made. */
export class BuildHarness implements AsyncDisposable {
  readonly docker: Docker = connectDocker();
  readonly home = `test-${newId()}`;
  readonly engine: ImageEngine;
  readonly #options: HarnessOptions;
  readonly #onePerKey = createKeyedLock();
  readonly #apps = new Set<AppId>();
  readonly #layers = new Set<string>();
  readonly #folders: string[] = [];
  #builders: TimedBuilder[] = [];

  constructor(options: HarnessOptions = {}) {
    this.#options = options;
    const engine = createImageEngine(this.docker, this.home, options.builder);
    this.engine = {
      ...engine,
      ...(options.disk && { disk: () => Promise.resolve(options.disk?.()) }),
      commit: (id, spec) => {
        if (spec.kind === "layer") this.#layers.add(spec.ref);
        return engine.commit(id, spec);
      },
    };
  }

  app(name = "shop", space: string = defaultSpace): App {
    const id = newId() as AppId;
    this.#apps.add(id);
    const fixed = { deployBranch: undefined, stopped: false, createdAt: 0 };
    return { id, name: name as AppName, space: space as SpaceName, ...fixed };
  }

  async source(files: SourceFiles): Promise<string> {
    const dir = await mkdtemp(path.join(tmpdir(), "paas-build-test-"));
    this.#folders.push(dir);
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(dir, name)), { recursive: true });
      await writeFile(path.join(dir, name), text);
    }
    return dir;
  }

  async build(app: App, sourceDir: string, options: BuildOptions = {}): Promise<BuildRun> {
    const { plan } = options;
    const builder = createBuilder({
      engine: this.engine,
      buildpacks: plan ? [fixedPlan(plan)] : (this.#options.buildpacks ?? []),
      available: this.#options.available ?? noVersions,
      stack: () => this.#stack(),
      allowance: () =>
        Promise.resolve({
          limits: { ...testLimits, ...this.#options.limits },
          floorBytes: this.#options.floorBytes ?? 0,
        }),
      gate: this.#options.gate ?? new BuildGate({ parallel: 4, freeMemoryBytes: () => Number.MAX_SAFE_INTEGER }),
      dockerfile: () => options.dockerfile ?? {},
      cache: () => options.cache ?? unpurged,
      stepsMade: () => undefined,
      stepsRan: () => undefined,
      onePerKey: this.#onePerKey,
      external: this.#options.external ?? noExternal,
      used: () => undefined,
      makeRoom: () => Promise.resolve(),
      clock: Date.now,
      log: silentLog,
    });
    this.#builders.push(builder);
    const lines: string[] = [];
    const out = new LineOutput((line) => {
      lines.push(line);
      options.onLine?.(line);
    });
    const { root = "" } = options;
    const input = {
      app,
      buildId: newId(),
      sourceDir: path.join(sourceDir, root),
      repositoryDir: sourceDir,
      root,
      commit: "c0ffee",
      title: "push c0ffee",
      config: options.config ?? {},
    };
    const signal = options.signal ?? new AbortController().signal;
    const result = await builder.build(input, out, signal);
    out.flush();
    return { result, lines };
  }

  async #stack(): Promise<StackImages> {
    const stack = await findStackImages(this.docker);
    return { ...stack, id: stack.id + (this.#options.stackSalt ?? "") };
  }

  /** Containers of this home, whatever their state. */
  async containers(): Promise<readonly Docker.ContainerInfo[]> {
    await Promise.all(this.#builders.map((b) => b[Symbol.asyncDispose]()));
    const filters = { label: [`${labels.home}=${this.home}`] };
    return this.docker.listContainers({ all: true, filters });
  }

  /** Runs a command in a new container of an image; answers its output without the last line end. */
  async run(image: string, argv?: readonly string[], env: ConfigVars = {}): Promise<string> {
    const container = await this.docker.createContainer({
      Image: image,
      Labels: { [labels.home]: this.home, [labels.kind]: "build" },
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      Tty: true,
      ...(argv && { Entrypoint: [...argv] }),
      HostConfig: { Init: true },
    });
    try {
      await container.start();
      await container.wait();
      return (await container.logs({ stdout: true, stderr: true })).toString().replaceAll("\r\n", "\n").trimEnd();
    } finally {
      await container.remove({ force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const container of await this.containers()) await this.engine.removeContainer(container.Id);
    for (const image of await this.engine.ownImages()) {
      if (image.kind !== "droplet") continue;
      for (const ref of image.refs.length > 0 ? image.refs : [image.id]) await this.engine.removeImage(ref);
    }
    // Children before parents: the last made first.
    for (const ref of [...this.#layers].toReversed()) await this.engine.removeImage(ref);
    for (const app of this.#apps) await this.engine.removeCache(app);
    await Promise.all(this.#folders.map((dir) => rm(dir, { recursive: true, force: true })));
  }
}

/** The stack that is on this machine. */
export async function findStackImages(docker: Docker): Promise<StackImages> {
  const images = await docker.listImages({ filters: { label: [`${labels.kind}=stack`] } });
  const newest = images.toSorted((a, b) => b.Created - a.Created).flatMap((i) => i.RepoTags ?? []);
  const buildImage = newest.find((ref) => ref.startsWith("paas/stack-build:"));
  if (buildImage === undefined) throw new Error('There is no stack on this engine; make it with "paas doctor --fix".');
  const tag = buildImage.slice(buildImage.indexOf(":") + 1);
  return { id: tag, buildImage, runImage: `paas/stack-run:${tag}` };
}

const noVersions = (): Promise<Available> =>
  Promise.resolve({ node: [], bun: [], deno: [], npmRegistry: "", ...debian13 });

function fixedPlan(plan: BuildPlan): Buildpack {
  return { name: plan.buildpack, looksFor: [], detect: () => true, plan: () => ({ ok: true, plan }) };
}
