import type { ConfigVars } from "../../core/types.ts";
import type { BuildContext } from "../build-context.ts";
import { BuildFailed } from "../failure.ts";
import type { Workspace } from "../workspace.ts";
import { Captured, ScriptOutput } from "./script-output.ts";
import type { ScriptName, StagedBuildpack } from "./stage.ts";

export interface ScriptCall {
  readonly buildpack: StagedBuildpack;
  readonly script: ScriptName;
  readonly args: readonly string[];
  readonly env: ConfigVars;
  readonly cwd: string;
  /** `export` files of the buildpacks before, sourced in order where they exist. */
  readonly exports: readonly string[];
}

export interface Answer {
  readonly code: number;
  readonly text: string;
  /** It was not longer than what is kept of it. */
  readonly isWhole: boolean;
}

/**
 * Everything of a user's is an argument: the folder to be in, how many files to source, these, and the command. `exec`,
 * so that what ends the script is what ends the command.
 */
const sourcing =
  'cd -- "$1" || exit 1; paas_files=("${@:3:$2}"); paas_command=("${@:$(($2+3))}"); set --; ' +
  'for paas_file in "${paas_files[@]}"; do [ -r "$paas_file" ] && . "$paas_file"; done; exec "${paas_command[@]}"';

/** A command that runs in a folder with what buildpacks before have exported. */
export function withExports(argv: readonly string[], cwd: string, exports: readonly string[]): readonly string[] {
  return ["/bin/bash", "-c", sourcing, "buildpack", cwd, String(exports.length), ...exports, ...argv];
}

/** Runs buildpacks' scripts in a workspace, as the app's user. */
export class Scripts {
  readonly #context: BuildContext;
  readonly #workspace: Workspace;

  constructor(context: BuildContext, workspace: Workspace) {
    this.#context = context;
    this.#workspace = workspace;
  }

  /** Runs a script, all that it says is shown. Answers the exit code. */
  async run(call: ScriptCall): Promise<number> {
    // A line of the one must not be continued by what the other says meanwhile.
    const shown = { stdout: new ScriptOutput(this.#context.out), stderr: new ScriptOutput(this.#context.out) };
    try {
      return await this.#exec(call, (chunk, from) => shown[from].push(chunk));
    } finally {
      shown.stdout.flush();
      shown.stderr.flush();
    }
  }

  /** Runs a script and keeps what it writes to the standard output; the rest is shown. */
  async ask(call: ScriptCall, limitBytes: number): Promise<Answer> {
    const kept = new Captured(limitBytes);
    const shown = new ScriptOutput(this.#context.out);
    const code = await this.#exec(call, (chunk, from) => (from === "stdout" ? kept : shown).push(chunk));
    shown.flush();
    return { code, text: kept.text, isWhole: kept.isWhole };
  }

  /** Runs a command of our own as the app's user or root, and answers what it printed. */
  async command(argv: readonly string[], user: "app" | "root", limitBytes = 1024 * 1024): Promise<Answer> {
    const { engine, signal } = this.#context;
    const kept = new Captured(limitBytes);
    const onOutput = (chunk: Uint8Array, from: string) => (from === "stdout" ? kept.push(chunk) : undefined);
    const code = await engine.exec(this.#workspace.id, { argv, user, env: {} }, onOutput, signal);
    return { code, text: kept.text, isWhole: kept.isWhole };
  }

  /** @throws BuildFailed that names script, buildpack and exit code. `prefix` is put before. */
  async fail(call: Pick<ScriptCall, "buildpack" | "script">, code: number, hint: string, prefix = ""): Promise<never> {
    throw await this.#workspace.failure(`${prefix}bin/${call.script} of ${call.buildpack.label}`, code, hint);
  }

  async #exec(call: ScriptCall, onOutput: (chunk: Uint8Array, from: "stdout" | "stderr") => void): Promise<number> {
    const { buildpack, script, args, env, cwd, exports } = call;
    const { engine, signal } = this.#context;
    assertRunnable(buildpack, script);
    const argv = withExports([`${buildpack.dir}/bin/${script}`, ...args], cwd, exports);
    const name = `bin/${script} of ${buildpack.label}`;
    return this.#context.timed(name, () =>
      engine.exec(this.#workspace.id, { argv, user: "app", env }, onOutput, signal),
    );
  }
}

/** @throws BuildFailed when the script is there and cannot be executed */
export function assertRunnable(buildpack: StagedBuildpack, script: ScriptName): void {
  if (buildpack.scripts.get(script) !== false) return;
  throw new BuildFailed(
    `bin/${script} of ${buildpack.label} is not executable.`,
    `Set its mode in the buildpack's repository: git update-index --chmod=+x bin/${script}`,
  );
}

/** @throws BuildFailed when the buildpack lacks a script that it must have */
export function assertHas(buildpack: StagedBuildpack, script: ScriptName, why: string): void {
  if (buildpack.scripts.has(script)) return;
  throw new BuildFailed(`${buildpack.label} has no bin/${script}.`, why);
}
