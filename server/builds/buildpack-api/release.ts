import { parse } from "yaml";
import { z } from "zod";
import { messageOf } from "../../core/errors.ts";
import { parseProcessType, type ProcessType } from "../../core/ids.ts";
import type { ConfigVars, ProcessCommand } from "../../core/types.ts";

/** What `bin/release` says. */
export interface ReleaseInfo {
  readonly processes: readonly ProcessCommand[];
  /** Defaults of the run time. */
  readonly env: ConfigVars;
  readonly addons: readonly string[];
}

export type ReleaseResult =
  | { readonly ok: true; readonly release: ReleaseInfo }
  | { readonly ok: false; readonly problem: string };

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const optionalMap = z.record(z.string(), scalar).nullish();
const schema = z.looseObject({
  default_process_types: optionalMap,
  config_vars: optionalMap,
  addons: z.array(scalar).nullish(),
});
const launchSchema = z.looseObject({
  processes: z.array(z.looseObject({ type: z.string(), command: z.string() })).nullish(),
});

const variablePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
const nothing: ReleaseInfo = { processes: [], env: {}, addons: [] };

/** Reads the YAML of `bin/release`. Nothing, and text that is no mapping but a word, say nothing. */
export function parseRelease(text: string): ReleaseResult {
  const read = readYaml(text);
  if ("problem" in read) return { ok: false, problem: read.problem };
  if (read.value === null || read.value === undefined) return { ok: true, release: nothing };
  const checked = schema.safeParse(read.value);
  if (!checked.success) return { ok: false, problem: issueOf(checked.error) };
  const { default_process_types, config_vars, addons } = checked.data;
  const env = Object.entries(config_vars ?? {}).filter(([name]) => variablePattern.test(name));
  const processes = commandsOf(Object.entries(default_process_types ?? {}));
  if ("problem" in processes) return { ok: false, problem: processes.problem };
  return { ok: true, release: { processes: processes.commands, env: Object.fromEntries(env), addons: addons ?? [] } };
}

/** Reads `launch.yml` of a deps folder: `processes: [{type, command}]`. */
export function parseLaunch(text: string): ReleaseResult {
  const read = readYaml(text);
  if ("problem" in read) return { ok: false, problem: read.problem };
  const checked = launchSchema.safeParse(read.value ?? {});
  if (!checked.success) return { ok: false, problem: issueOf(checked.error) };
  const entries = (checked.data.processes ?? []).map(({ type, command }) => [type, command] as const);
  const processes = commandsOf(entries);
  if ("problem" in processes) return { ok: false, problem: processes.problem };
  return { ok: true, release: { ...nothing, processes: processes.commands } };
}

/** Later ones win, type by type; the order is that of first mention. */
export function mergeProcesses(...lists: readonly (readonly ProcessCommand[])[]): readonly ProcessCommand[] {
  const merged = new Map<ProcessType, ProcessCommand>();
  for (const command of lists.flat()) merged.set(command.type, command);
  return [...merged.values()];
}

function commandsOf(
  entries: readonly (readonly [string, string])[],
): { readonly commands: readonly ProcessCommand[] } | { readonly problem: string } {
  const commands: ProcessCommand[] = [];
  for (const [type, command] of entries) {
    if (command.trim() === "") continue;
    try {
      commands.push({ type: parseProcessType(type), command: command.trim() });
    } catch (err) {
      return { problem: messageOf(err) };
    }
  }
  return { commands };
}

function readYaml(text: string): { readonly value: unknown } | { readonly problem: string } {
  try {
    // Aliases of aliases could make gigabytes of a few lines.
    return { value: parse(text, { maxAliasCount: 10, logLevel: "error" }) as unknown };
  } catch (err) {
    return { problem: messageOf(err).split("\n")[0] ?? "it is not YAML" };
  }
}

function issueOf(error: z.ZodError): string {
  const issue = error.issues[0];
  const at = issue?.path.join(".") ?? "";
  return at === "" ? "it is not a mapping of names" : `"${at}" is not right (${issue?.message ?? "unknown"})`;
}
