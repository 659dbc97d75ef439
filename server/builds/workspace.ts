import { constants } from "node:os";
import type { Readable } from "node:stream";
import type { ConfigVars } from "../core/types.ts";
import type { BuildContext } from "./build-context.ts";
import { BuildFailed } from "./failure.ts";
import { cacheRef } from "./housekeeping.ts";
import { startGuard } from "./guard.ts";
import type { PlanCommand } from "./plan.ts";

const systemPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const sharedHome = "/tmp/home";
const cachedHome = "/cache/home";
const maxNameLength = 120;

export interface WorkspaceOptions {
  /** Image to start from. */
  readonly image: string;
  readonly withCache: boolean;
  /** Put in before it starts. */
  readonly source?: Readable | undefined;
}

/** A running container with the limits of a build, in which commands run one by one. Disposing removes it. */
export class Workspace implements Disposable {
  readonly id: string;
  readonly withCache: boolean;
  readonly #context: BuildContext;
  #guard: Disposable | undefined;

  private constructor(context: BuildContext, id: string, withCache: boolean) {
    this.#context = context;
    this.id = id;
    this.withCache = withCache;
  }

  static async open(context: BuildContext, options: WorkspaceOptions): Promise<Workspace> {
    const { engine, owner, limits, signal } = context;
    const { image, withCache, source } = options;
    await context.admit();
    if (withCache) context.used([cacheRef(owner.appId)]);
    signal.throwIfAborted();
    const id = await engine.create({ owner, image, run: { limits, withCache } });
    const workspace = new Workspace(context, id, withCache);
    try {
      const homes = withCache ? ["/cache", cachedHome] : [sharedHome];
      await engine.makeFolders(id, ["/app", ...homes], "app", signal);
      if (source) await engine.put(id, source, signal);
      await engine.start(id, signal);
      workspace.#watch();
      return workspace;
    } catch (err) {
      workspace[Symbol.dispose]();
      throw err;
    }
  }

  #watch(): void {
    const { engine, limits, floorBytes, breaches, owner, log, current, end } = this.#context;
    const cacheOf = this.withCache ? owner.appId : undefined;
    const watched = { engine, container: this.id, cacheOf, limits, floorBytes, breaches, log };
    this.#guard = startGuard({ ...watched, step: current, end });
  }

  put(tar: Readable): Promise<void> {
    return this.#context.engine.put(this.id, tar, this.#context.signal);
  }

  /** Runs one command, its output shown as it comes. @throws BuildFailed unless it exits with 0 */
  async run(command: PlanCommand, path: readonly string[]): Promise<void> {
    const { engine, out, signal } = this.#context;
    const { argv, user, cwd } = command;
    if (cwd !== undefined) await engine.makeFolders(this.id, withParents(cwd), "app", signal);
    const code = await this.#context.timed(commandName(command), () =>
      engine.exec(this.id, { argv, user, cwd, env: this.#envOf(command, path) }, (chunk) => out.raw(chunk), signal),
    );
    if (code !== 0) throw await this.failure(commandName(command), code, command.hint);
  }

  /** A config var wins over what the command brings; layers see config vars only when they are part of their key. */
  #envOf(command: PlanCommand, path: readonly string[]): ConfigVars {
    const appHome = this.withCache ? cachedHome : sharedHome;
    return {
      PATH: [...path, ...systemPath].join(":"),
      HOME: command.user === "root" ? "/root" : appHome,
      ...command.env,
      ...(command.withConfig && { SOURCE_VERSION: this.#context.input.commit, ...this.#context.input.config }),
    };
  }

  /** What to say of something that ended in here with a code other than 0. */
  async failure(name: string, code: number, hint: string): Promise<BuildFailed> {
    const { engine, breaches } = this.#context;
    const usage = await engine.usage(this.id);
    // A 137 alone may be the work of the script itself.
    if ((usage?.memoryKills ?? 0) > 0) return breaches.memory(name);
    if ((usage?.refusedPids ?? 0) > 0) return breaches.processes(name);
    return new BuildFailed(`${name} ${endOf(code)}.`, hint);
  }

  [Symbol.dispose](): void {
    this.#guard?.[Symbol.dispose]();
    this.#context.remove(this.id);
  }
}

/** `/app/a/b` → `/app/a`, `/app/a/b` */
function withParents(folder: string): readonly string[] {
  const parts = folder.split("/").slice(1);
  return parts.map((_, depth) => `/${parts.slice(0, depth + 1).join("/")}`).filter((at) => at !== "/app");
}

/** How a command is named to people: of a script for a shell its own name, if it has one, and what it is given. */
export function commandName({ argv, name }: PlanCommand): string {
  if (name !== undefined) return name;
  const isNamedScript = /^(?:.*\/)?(?:ba|da)?sh$/.test(argv[0] ?? "") && argv[1] === "-c" && argv.length > 3;
  const [line = ""] = (isNamedScript ? argv.slice(3) : argv).join(" ").split("\n");
  return line.length > maxNameLength ? `${line.slice(0, maxNameLength)}…` : line;
}

/** A shell reports the signal that ended a command as 128 and its number. */
function endOf(code: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return signal === undefined ? `exited with code ${code}` : `was ended by ${signal} (exit code ${code})`;
}

/** PATH of a droplet. */
export function pathOf(plan: { readonly path: readonly string[] }): string {
  return [...plan.path, ...systemPath].join(":");
}
