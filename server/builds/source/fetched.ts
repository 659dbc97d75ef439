import { readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Clock } from "../../core/time.ts";

/** A copy of something elsewhere: a repository, or an archive. */
export interface Fetched {
  readonly path: string;
  readonly bytes: number;
  /** When it was last asked for: whoever uses it touches it. */
  readonly usedAt: number;
}

export interface FetchedOptions {
  /** Folders of which each entry is one. */
  readonly dirs: readonly string[];
  readonly budgetBytes: () => Promise<number>;
  readonly sizeOf: (path: string) => Promise<number | undefined>;
  readonly now: Clock;
}

/** What was used within it may be in use; no fetch takes as long. */
const inUseMs = 60 * 60_000;
const gone = ".gone";

/** What goes so that the rest is within the budget: the least recently used first, never what may be in use. */
export function expendable(all: readonly Fetched[], budgetBytes: number, now: number): readonly Fetched[] {
  let bytes = all.reduce((sum, one) => sum + one.bytes, 0);
  return all
    .filter((one) => now - one.usedAt >= inUseMs)
    .toSorted((a, b) => a.usedAt - b.usedAt)
    .filter((one) => {
      if (bytes <= budgetBytes) return false;
      bytes -= one.bytes;
      return true;
    });
}

/** Copies of what builds were made from and buildpacks, of all apps: whatever goes is fetched again when it is asked for. */
export class FetchedSources {
  readonly #options: FetchedOptions;

  constructor(options: FetchedOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly Fetched[]> {
    const found = await Promise.all(this.#options.dirs.map((dir) => this.#entries(dir)));
    return found.flat();
  }

  async plan(): Promise<{ readonly all: readonly Fetched[]; readonly going: readonly Fetched[]; budgetBytes: number }> {
    const [all, budgetBytes] = await Promise.all([this.list(), this.#options.budgetBytes()]);
    return { all, going: expendable(all, budgetBytes, this.#options.now()), budgetBytes };
  }

  async clean(): Promise<readonly Fetched[]> {
    const { going } = await this.plan();
    for (const one of going) {
      // In one step: a daemon that ends in between leaves no half of a repository under its name.
      const aside = `${one.path}${gone}`;
      await rename(one.path, aside);
      await rm(aside, { recursive: true, force: true });
    }
    return going;
  }

  async #entries(dir: string): Promise<readonly Fetched[]> {
    const found: Fetched[] = [];
    for (const name of await namesIn(dir)) {
      const at = path.join(dir, name);
      if (name.endsWith(gone)) await rm(at, { recursive: true, force: true });
      const stats = name.startsWith(".") ? undefined : await stat(at).catch(() => undefined);
      const bytes = stats && (await this.#options.sizeOf(at));
      if (stats && bytes !== undefined) found.push({ path: at, bytes, usedAt: stats.mtimeMs });
    }
    return found;
  }
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir);
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return [];
    throw err;
  }
}
