import type { BuildInput } from "../releases/ports.ts";
import { layerScope } from "./app-cache.ts";
import type { BuildContext, StackImages } from "./build-context.ts";
import { configOfKeys, layerKeys } from "./layer-key.ts";
import { type LayerWork, scheduleLayers } from "./layer-work.ts";
import type { BuildPlan } from "./plan.ts";
import { digestOf, listSource } from "./source-files.ts";
import { partialTar, textsTar } from "./source-tar.ts";
import { Workspace } from "./workspace.ts";

export interface LayersResult {
  /** What the build step starts from. */
  readonly buildImage: string;
  /** What the droplet starts from. */
  readonly runImage: string;
  /** Of the last layer; empty without one. */
  readonly key: string;
}

/** Makes the layers of a plan that do not exist yet. A workspace that could serve the build step is left in `bench`. */
export async function makeLayers(
  context: BuildContext,
  plan: BuildPlan,
  stack: StackImages,
  bench: Bench,
): Promise<LayersResult> {
  const { input, engine, out, signal } = context;
  const keyed = await layerKeys(plan, {
    stackId: stack.id,
    space: layerScope(input.app, context.cache),
    config: configOfKeys(input.config, plan),
    filesDigest: async (files) => digestOf(repositoryOf(input), await listSource(repositoryOf(input), files)),
  });
  const existing = keyed.length > 0 ? await engine.layerRefs(signal) : new Set<string>();
  const schedule = scheduleLayers(keyed, stack, plan.build !== undefined, existing);
  context.used(schedule.refs);
  for (const { layer } of schedule.reused) out.detail(`${capitalised(layer.name)} unchanged, reused`);
  for (const work of schedule.work) await makeLayer(context, plan, work, bench);
  return { ...schedule, key: keyed.at(-1)?.key ?? "" };
}

/** A plan is for the whole repository, which is in /app. */
export function repositoryOf({ repositoryDir, sourceDir }: BuildInput): string {
  return repositoryDir ?? sourceDir;
}

async function makeLayer(context: BuildContext, plan: BuildPlan, work: LayerWork, bench: Bench): Promise<void> {
  const { layer } = work;
  context.out.step(layer.title);
  const workspace = await bench.at(work.from, !work.isShared);
  if (layer.files.length > 0) {
    const dir = repositoryOf(context.input);
    const entries = await listSource(dir, layer.files);
    const paths = entries.map((entry) => Buffer.concat([dotSlash, entry.path]));
    await workspace.put(partialTar(dir, paths, context.signal));
  }
  if (layer.inputs) await workspace.put(textsTar(layer.inputs));
  for (const command of layer.commands) await workspace.run(command, plan.path);
  context.signal.throwIfAborted();
  await Promise.all([keepForRun(context, work, workspace), keepWhole(context, work, workspace)]);
}

async function keepWhole(context: BuildContext, work: LayerWork, workspace: Workspace): Promise<void> {
  const { buildRef: ref, key, layer } = work;
  if (ref === undefined) return;
  const { engine } = context;
  await context.timed(`keep ${layer.name}`, () => engine.commit(workspace.id, { kind: "layer", ref, key }));
}

const dotSlash = Buffer.from("./");

async function keepForRun(context: BuildContext, work: LayerWork, workspace: Workspace): Promise<void> {
  const { run, key, layer } = work;
  if (run === undefined) return;
  const { engine, owner, signal } = context;
  await context.timed(`copy ${layer.name}`, async () => {
    const id = await engine.create({ owner, image: run.from, run: undefined });
    try {
      // A path that the commands did not make is no mistake: an app without dependencies has no node_modules.
      for (const path of run.keep) await engine.copy(path, workspace.id, id, signal);
      signal.throwIfAborted();
      await engine.commit(id, { kind: "layer", ref: run.ref, key });
    } finally {
      context.remove(id);
    }
  });
}

/** Holds the one running container of a build, so that steps in a row share it. */
export class Bench implements Disposable {
  readonly #context: BuildContext;
  #current: Workspace | undefined;

  constructor(context: BuildContext) {
    this.#context = context;
  }

  /** The container of the step before, which holds the same as `image`, if it may have what is asked; else a new one. */
  async at(image: string, withCache: boolean): Promise<Workspace> {
    if (this.#current?.withCache === withCache) return this.#current;
    this[Symbol.dispose]();
    this.#current = await Workspace.open(this.#context, { image, withCache });
    return this.#current;
  }

  [Symbol.dispose](): void {
    this.#current?.[Symbol.dispose]();
    this.#current = undefined;
  }
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
