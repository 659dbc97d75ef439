import type { BuildContext } from "../build-context.ts";
import { BuildFailed } from "../failure.ts";
import type { BuildPlan } from "../plan.ts";
import { textsTar } from "../source-tar.ts";
import { commandName, type Workspace } from "../workspace.ts";
import { type Scripts, withExports } from "./scripts.ts";

/**
 * The build step of a built-in buildpack among others. Its layers were made before anything ran, from the files that
 * were pushed: a buildpack that changes one of these afterwards would be built from something else than it looks.
 */
export class Builtin {
  readonly #context: BuildContext;
  readonly #workspace: Workspace;
  readonly #scripts: Scripts;
  readonly #plan: BuildPlan | undefined;

  constructor(context: BuildContext, workspace: Workspace, scripts: Scripts, plan: BuildPlan | undefined) {
    this.#context = context;
    this.#workspace = workspace;
    this.#scripts = scripts;
    this.#plan = plan;
  }

  /** Notes what the files are before the first buildpack runs. */
  async mark(): Promise<void> {
    if (this.#plan) await this.#scripts.command(["touch", stamp], "root");
  }

  async run(exports: readonly string[]): Promise<void> {
    const plan = this.#plan;
    if (plan === undefined) return;
    await this.#assertUnchanged(plan);
    if (plan.build === undefined) return;
    this.#context.out.step(plan.build.title);
    if (plan.build.inputs) await this.#workspace.put(textsTar(plan.build.inputs));
    for (const command of plan.build.commands) {
      const argv =
        command.user === "app" && exports.length > 0 ? withExports(command.argv, "/app", exports) : command.argv;
      await this.#workspace.run({ ...command, argv, name: commandName(command) }, plan.path);
    }
  }

  async #assertUnchanged(plan: BuildPlan): Promise<void> {
    const files = plan.layers.flatMap((layer) => layer.files).map((file) => `/app/${file}`);
    if (files.length === 0) return;
    const { text } = await this.#scripts.command(
      ["find", ...files, "-type", "f", "-cnewer", stamp, "-print", "-quit"],
      "app",
    );
    const changed = text.split("\n")[0] ?? "";
    if (changed === "") return;
    throw new BuildFailed(
      `A buildpack changed ${changed.replace(/^\/app\//, "")}, which ${plan.runtime} was installed from already.`,
      `Put it after ${plan.buildpack} in the list, or commit the file as it shall be.`,
    );
  }
}

const stamp = "/tmp/.paas-pushed";
