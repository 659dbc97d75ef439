import type { ConfigVars, ProcessCommand } from "../core/types.ts";
import type { SystemPackages } from "./system-packages.ts";

/**
 * What a buildpack decides, without acting: serialisable, compared as a snapshot in tests.
 *
 * A build runs top to bottom. Each layer starts from the one before it and is kept as an image named by a hash of
 * everything that goes into it, so an unchanged layer is never made again. Then the source is put into `/app`, then
 * the build step runs, if there is one. Without a build step nothing runs for a code-only push.
 */
export interface BuildPlan {
  /** `node`, `python`, … */
  readonly buildpack: string;
  /** For people: `node 24.21.0`, `python 3.13`. */
  readonly runtime: string;
  /** Debian packages on top of the stack, installed before the first layer; part of the key of every layer. */
  readonly system?: SystemPackages;
  readonly layers: readonly PlanLayer[];
  readonly build: PlanStep | undefined;
  /** Defaults of the run time; config vars win. */
  readonly env: ConfigVars;
  /** Config vars that the app does not start without: each is made up once, where nobody has set it. */
  readonly secrets?: readonly string[];
  /** Prepended to PATH at build and run time. */
  readonly path: readonly string[];
  /** What web may take to listen unless somebody says otherwise, where the runtime needs more than the usual minute. */
  readonly bootTimeoutMs?: number;
  /** Used when the repository has no Procfile. */
  readonly processes: readonly ProcessCommand[];
  /** Said to the pusher as detail before anything runs. */
  readonly notes: readonly string[];
}

export interface PlanLayer extends PlanStep {
  /** `runtime`, `dependencies`: shown as a step title, and part of the image's label. */
  readonly name: string;
  /** In the droplet too; otherwise it serves the build only. */
  readonly launch: boolean;
  /** Absolute paths that the layer produces, e.g. `/opt/node`, `/app/node_modules`; copied to the run image when `launch`. */
  readonly keep: readonly string[];
}

export interface PlanStep {
  /** Said before it runs: `Installing dependencies (npm ci)`. */
  readonly title: string;
  /** Source paths (files or folders) put into /app before the commands; part of the hash. The build step has all of it. */
  readonly files: readonly string[];
  /**
   * Path below /app → content, written after `files` and before the commands; part of the hash. A package.json reduced to
   * what an installer reads stands here, so that another `version` or start script does not install everything again.
   */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Each an argv, run in /app in order; the first that fails ends the build. */
  readonly commands: readonly PlanCommand[];
}

export interface PlanCommand {
  readonly argv: readonly string[];
  /** How it is named to people, where its argv says more than they wrote: `pip install -r requirements.txt`. */
  readonly name?: string;
  /** `app` (uid 1000) unless the command installs below /opt. */
  readonly user: "root" | "app";
  readonly env?: ConfigVars;
  /** /app unless told; made if need be. */
  readonly cwd?: string;
  /** Config vars of the app are in the environment (build steps: yes, layers: no, or a changed variable would rebuild them). */
  readonly withConfig: boolean;
  /**
   * Takes from what layers have put below /app what only the build needed. What is left follows from what it finds there,
   * and from config vars: as the last of a build step it is run once for the same.
   */
  readonly prunes?: true;
  /** What to tell the user when this command fails. */
  readonly hint: string;
}

/** Versions that can be had, newest first; resolved outside so that planning stays pure. */
export interface Available {
  /** Empty when the registry was not asked or did not answer, like those of bun and Deno. */
  readonly node: readonly string[];
  /** Where it is empty a release that is known to be there is used. */
  readonly bun: readonly string[];
  readonly deno: readonly string[];
  /** Of the stack: `3.13`. */
  readonly python: string;
  /** Bootstrap Go of the stack, `1.24`; newer toolchains come through the module proxy. */
  readonly go: string;
  /** Toolchains of the stack's distribution, any order. */
  readonly rust: readonly RustToolchain[];
  /** Majors of the JDK, oldest first: `21`. */
  readonly java: readonly string[];
  /** Of the stack's distribution: `3.3`. */
  readonly ruby: string;
  /** Of the stack's distribution: `8.4`. */
  readonly php: string;
  /** Base URL that npm packages come from, with a slash at the end; empty when that is not known. */
  readonly npmRegistry: string;
  /** Why the registry did not answer and nothing was kept: `https://registry.test/: it answered 503`. */
  readonly registryProblem?: string;
}

export interface RustToolchain {
  /** `1.85` */
  readonly version: string;
  /** Debian packages that bring it. */
  readonly packages: readonly string[];
}

/** Read-only view of the pushed files. Paths are relative, with `/`, and never leave the root (symlinks neither). */
export interface SourceView {
  has(path: string): boolean;
  /** Text of a file, undefined when there is none. @throws AppError INPUT_INVALID above 1 MiB */
  read(path: string): string | undefined;
  /** Names directly below a folder (`""` is the root); a folder ends with `/`. Sorted. */
  list(folder: string): readonly string[];
}

export interface Buildpack {
  readonly name: string;
  /** How people write it, where that is more than a capital letter: `PHP`. */
  readonly label?: string;
  /** What makes it match, for the message when nothing did: `package.json`. */
  readonly looksFor: readonly string[];
  /** It plans with what the npm registry lists, which is asked only then. */
  readonly needsRegistry?: true;
  detect(source: SourceView): boolean;
  plan(source: SourceView, available: Available): PlanResult;
}

/** A repository that cannot be built as it is gets a reason and what to do, never a guess. */
export type PlanResult =
  | { readonly ok: true; readonly plan: BuildPlan }
  | { readonly ok: false; readonly reason: string; readonly hint: string };
