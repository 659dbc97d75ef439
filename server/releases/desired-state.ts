import { web } from "../core/ids.ts";
import type { AppId } from "../core/ids.ts";
import type { App, ConfigVars, Droplet, FormationEntry, Generation, Release, Route, Strategy } from "../core/types.ts";
import type { Desired, DesiredGeneration, DesiredProcess } from "../scheduler/desired.ts";
import { environmentOf } from "./environment.ts";
import { defaultChecks, formationFor, scalableTypes } from "./formation.ts";

export interface DesiredInput {
  readonly app: App;
  readonly formation: readonly FormationEntry[];
  readonly routes: readonly Route[];
  /** Process types that are reached in another way: by a shared route, or a port. */
  readonly servedTypes?: readonly string[];
  readonly current: GenerationInput | undefined;
  readonly candidate: GenerationInput | undefined;
  readonly strategy: Strategy;
}

export interface GenerationInput {
  readonly generation: Generation & { readonly bindingEnv: ConfigVars };
  readonly release: Release;
  readonly droplet: Droplet;
}

/** What the scheduler shall bring about, from what the store holds. */
export function desiredState(input: DesiredInput): Desired {
  const { app } = input;
  return {
    appId: app.id,
    appName: app.name,
    space: app.space,
    strategy: input.strategy,
    current: input.current && toGeneration(input, input.current),
    candidate: input.candidate && toGeneration(withFormationOf(input, input.candidate), input.candidate),
  };
}

/** Until it is current, what a generation changes of the formation holds for itself alone. */
function withFormationOf(input: DesiredInput, { generation }: GenerationInput): DesiredInput {
  return { ...input, formation: [...(generation.formation ?? []), ...input.formation] };
}

function toGeneration(input: DesiredInput, source: GenerationInput): DesiredGeneration {
  const { generation, release, droplet } = source;
  const entries = formationFor(scalableTypes(release.processes), input.formation);
  return {
    id: generation.id,
    version: release.version,
    imageId: droplet.imageId,
    processes: entries.map((entry) => toProcess(input, source, entry)),
  };
}

function toProcess(input: DesiredInput, source: GenerationInput, entry: FormationEntry): DesiredProcess {
  const { app, routes } = input;
  const { generation, release, droplet } = source;
  const command = release.processes.find((process) => process.type === entry.type)?.command;
  const isServing = entry.type === web || isServed(input, entry.type);
  return {
    type: entry.type,
    cohort: generation.cohorts[entry.type] ?? generation.id,
    count: app.stopped ? 0 : entry.count,
    memoryMb: entry.memoryMb,
    cpus: entry.cpus,
    command: command === undefined ? undefined : [...droplet.launcher, command],
    env: environmentOf({
      app,
      release,
      droplet,
      bindingEnv: generation.bindingEnv,
      uris: routes.map((route) => route.host),
      memoryMb: entry.memoryMb,
      type: entry.type,
    }),
    port: isServing ? droplet.port : undefined,
    checks: release.checks[entry.type] ?? defaultChecks(entry.type),
  };
}

function isServed({ routes, servedTypes = [] }: DesiredInput, type: string): boolean {
  return routes.some((route) => route.type === type) || servedTypes.includes(type);
}

export interface DesiredStores {
  readonly apps: {
    getById(id: AppId): App | undefined;
    isGoing(id: AppId): boolean;
    formation(id: AppId): readonly FormationEntry[];
  };
  readonly releases: {
    currentGeneration(id: AppId): GenerationInput["generation"] | undefined;
    activeGeneration(id: AppId): GenerationInput["generation"] | undefined;
    release(id: AppId, version: number): Release | undefined;
    droplet(id: string): Droplet | undefined;
  };
  readonly strategy: (id: AppId) => Strategy;
  readonly routes: { listOf(id: AppId): readonly Route[]; servedTypes(id: AppId): readonly string[] };
}

/** Undefined when nothing of the app shall be left. */
export function readDesired(stores: DesiredStores, appId: AppId): Desired | undefined {
  const app = stores.apps.getById(appId);
  if (app === undefined || stores.apps.isGoing(appId)) return undefined;
  const complete = (generation: GenerationInput["generation"] | undefined): GenerationInput | undefined => {
    const release = generation && stores.releases.release(appId, generation.version);
    const droplet = release && stores.releases.droplet(release.dropletId);
    return generation && release && droplet && { generation, release, droplet };
  };
  return desiredState({
    app,
    formation: stores.apps.formation(appId),
    routes: stores.routes.listOf(appId),
    servedTypes: stores.routes.servedTypes(appId),
    current: complete(stores.releases.currentGeneration(appId)),
    candidate: complete(stores.releases.activeGeneration(appId)),
    strategy: stores.strategy(appId),
  });
}
