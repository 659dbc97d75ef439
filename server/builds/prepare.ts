import type { ProcessCommand } from "../core/types.ts";
import type { BuildContext } from "./build-context.ts";
import { decide } from "./detect.ts";
import { BuildFailed } from "./failure.ts";
import type { Available, Buildpack, BuildPlan, SourceView } from "./plan.ts";
import { parseProcfile } from "./procfile.ts";
import { directorySource } from "./source-view.ts";

/** What the plan of a Procfile alone says. */
const noRuntime = "none";

export type Prepared =
  | { readonly kind: "dockerfile"; readonly procfile: readonly ProcessCommand[] | undefined }
  | { readonly kind: "plan"; readonly plan: BuildPlan; readonly processes: readonly ProcessCommand[] };

export interface PrepareDeps {
  readonly buildpacks: readonly Buildpack[];
  readonly available: (signal: AbortSignal) => Promise<Available>;
}

/**
 * Everything that can be known before anything runs: the Procfile is valid, who builds, how.
 * @throws BuildFailed, or AppError of the Procfile
 */
export async function prepare(context: BuildContext, deps: PrepareDeps): Promise<Prepared> {
  const { out } = context;
  const source = directorySource(context.input.sourceDir);
  const procfile = readProcfile(source);
  const decision = decide(source, { buildpacks: deps.buildpacks });
  if (decision.kind === "nothing") {
    for (const line of decision.details) out.detail(line);
    throw new BuildFailed(decision.reason, decision.hint);
  }
  if (decision.kind === "dockerfile") {
    out.step("Dockerfile found");
    for (const note of decision.notes) out.detail(note);
    return { kind: "dockerfile", procfile };
  }
  out.step(`${capitalised(decision.buildpack.name)} app detected`);
  for (const note of decision.notes) out.detail(note);
  const planned = decision.buildpack.plan(
    source,
    await context.timed("available versions", () => deps.available(context.signal)),
  );
  if (!planned.ok) throw new BuildFailed(planned.reason, planned.hint);
  const { plan } = planned;
  for (const note of plan.notes) out.detail(note);
  if (plan.runtime !== noRuntime) out.step(`Using ${plan.runtime}`);
  return { kind: "plan", plan, processes: startable(procfile ?? plan.processes) };
}

function readProcfile(source: SourceView): readonly ProcessCommand[] | undefined {
  const text = source.read("Procfile");
  return text === undefined ? undefined : parseProcfile(text);
}

function startable(processes: readonly ProcessCommand[]): readonly ProcessCommand[] {
  if (processes.length > 0) return processes;
  throw new BuildFailed(
    "Nothing says how to start the app.",
    'Add a file "Procfile" with a line like: web: node server.js',
  );
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
