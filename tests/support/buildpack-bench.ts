import { realpathSync } from "node:fs";
import type { BuildContext } from "../../server/builds/build-context.ts";
import { runBuildpacks } from "../../server/builds/buildpack-api/build.ts";
import { fetchBuildpack, type FetchedBuildpack } from "../../server/builds/buildpack-api/fetch.ts";
import type { BuildpackResult } from "../../server/builds/buildpack-api/keep.ts";
import { parseReference } from "../../server/builds/buildpack-api/reference.ts";
import { BuildFailed } from "../../server/builds/failure.ts";
import { maskOutput, secretsOf } from "../../server/builds/masking.ts";
import type { BuildPlan } from "../../server/builds/plan.ts";
import { Workspace } from "../../server/builds/workspace.ts";
import { isAppError } from "../../server/core/errors.ts";
import { LineOutput } from "../../server/core/output.ts";
import type { App, ConfigVars } from "../../server/core/types.ts";
import { testContext } from "./build-context.ts";
import { BuildHarness, findStackImages, type SourceFiles } from "./build-harness.ts";
import { sourceWith } from "./buildpacks.ts";

export interface BuildpackCase {
  readonly list: readonly string[];
  readonly files: SourceFiles;
  readonly config?: ConfigVars;
  readonly services?: ConfigVars;
  /** Of the built-in one in the list. */
  readonly plan?: BuildPlan;
  /** With what the case before has cached. */
  readonly keepCache?: boolean;
  /** Changes the source before anything runs. */
  readonly prepare?: (dir: string) => Promise<void>;
  /** Run by a shell in /app afterwards; its output is `seen`. */
  readonly look?: string;
}

export interface BuildpackCaseRun {
  readonly lines: readonly string[];
  readonly result: BuildpackResult | undefined;
  /** Why it failed; empty when it did not. */
  readonly reason: string;
  readonly hint: string;
  readonly seen: string;
}

const reset =
  'rm -rf /tmp/buildpacks /tmp/env /tmp/build_* /tmp/app /tmp/contents /home/vcap; find /app -mindepth 1 -delete; rm -rf "$@"';

/** Runs buildpacks, case after case, in one container: starting one for each would take longer than all of them do. */
export class BuildpackBench implements AsyncDisposable {
  readonly #harness = new BuildHarness();
  readonly #app: App = this.#harness.app();
  #workspace: Promise<Workspace> | undefined;

  async run(one: BuildpackCase): Promise<BuildpackCaseRun> {
    const dir = realpathSync(await sourceWith(this.#harness, one.files));
    await one.prepare?.(dir);
    const lines: string[] = [];
    const out = new LineOutput((line) => lines.push(line));
    const context = this.#context(dir, out, one);
    // What a built-in one says goes to whom its container was opened for.
    using own = one.plan ? await this.#open(context) : undefined;
    const workspace = own ?? (await (this.#workspace ??= this.#open(context)));
    const gone = one.keepCache === true ? [] : ["/cache/buildpacks"];
    await this.#exec(workspace, ["/bin/sh", "-c", reset, "reset", ...gone], "root");
    let result: BuildpackResult | undefined;
    let failure = { reason: "", hint: "" };
    try {
      result = await runBuildpacks(context, await this.#prepared(context, workspace, one));
    } catch (err) {
      if (!(err instanceof BuildFailed) && !isAppError(err)) throw err;
      failure = { reason: err.message, hint: err.hint };
    }
    out.flush();
    const seen = one.look === undefined ? "" : await this.#exec(workspace, ["/bin/bash", "-c", one.look], "app");
    return { lines, result, ...failure, seen };
  }

  async #prepared(context: BuildContext, workspace: Workspace, one: BuildpackCase) {
    const references = one.list.map((text) => {
      const parsed = parseReference(text, ["test"]);
      if (!parsed.ok) throw new Error(parsed.reason);
      return parsed.reference;
    });
    const fetched: FetchedBuildpack[] = [];
    const deps = { fetcher: unreachable, pins: { get: () => undefined, set: () => undefined }, scratch: "/nowhere" };
    for (const one of references) if (one.kind !== "builtin") fetched.push(await fetchBuildpack(context, deps, one));
    return { list: { references, plan: one.plan, system: undefined }, fetched, workspace };
  }

  async #open(context: BuildContext): Promise<Workspace> {
    const { buildImage } = await findStackImages(this.#harness.docker);
    return Workspace.open(context, { image: buildImage, withCache: true });
  }

  async #exec(workspace: Workspace, argv: readonly string[], user: "app" | "root"): Promise<string> {
    let text = "";
    const onOutput = (chunk: Uint8Array) => (text += Buffer.from(chunk).toString());
    await this.#harness.engine.exec(workspace.id, { argv, user, env: {} }, onOutput, AbortSignal.timeout(60_000));
    return text.trimEnd();
  }

  #context(sourceDir: string, out: LineOutput, { config = {}, services }: BuildpackCase): BuildContext {
    const base = { app: this.#app, buildId: "build1", sourceDir, commit: "c0ffee", title: "push", config };
    return testContext({
      engine: this.#harness.engine,
      input: { ...base, ...(services && { services }) },
      out: maskOutput(out, secretsOf(config)),
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#harness[Symbol.asyncDispose]();
  }
}

const never = () => Promise.reject(new Error("nothing is fetched here"));
const unreachable = { resolveGit: never, writeGit: never, download: never };
