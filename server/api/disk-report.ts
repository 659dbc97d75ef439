/** What `paas disk` shows. Sizes in bytes; what another object has too is counted once, where it belongs. */
export interface DiskReport {
  /** The engine's; undefined when it cannot be seen from here. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number; readonly floorBytes: number } | undefined;
  readonly apps: readonly AppDisk[];
  readonly services: readonly { readonly name: string; readonly bytes: number }[];
  /** Layers and system packages that builds use again, for all apps. */
  readonly layers: { readonly count: number; readonly bytes: number };
  /** Steps of Dockerfiles that BuildKit keeps, and that ran for builds of this installation. */
  readonly steps: { readonly count: number; readonly bytes: number };
  /** Repositories elsewhere and buildpacks that were fetched, for all apps: on the disk of the home. */
  readonly fetched: { readonly count: number; readonly bytes: number; readonly budgetBytes: number };
  readonly stacks: readonly { readonly ref: string; readonly bytes: number; readonly isCurrent: boolean }[];
  /** Layers, steps and caches of apps together, and what they may take. */
  readonly budget: { readonly usedBytes: number; readonly bytes: number };
  /** What the next clean-up removes. */
  readonly going: readonly GoingObject[];
  /** On the same engine, of other people or installations: never touched. */
  readonly others: {
    readonly imageCount: number;
    readonly imageBytes: number;
    readonly volumeCount: number;
    readonly volumeBytes: number;
    readonly buildCacheBytes: number;
  };
}

export interface AppDisk {
  readonly app: string;
  readonly droplets: { readonly count: number; readonly bytes: number };
  readonly cacheBytes: number;
  readonly logBytes: number;
  readonly buildOutputBytes: number;
  readonly repositoryBytes: number;
}

export interface GoingObject {
  readonly what: string;
  readonly bytes: number;
  readonly why: string;
}
