import type { SourceView } from "../../server/builds/plan.ts";
import { asRecord, asText, isRefusal, type JsonObject, readIfSmall, type Refusal, refuse } from "../reading.ts";

export interface DenoProject {
  /** How web is started; undefined when the Procfile says it. */
  readonly command: string | undefined;
  /** The file that is started, as far as it is known. */
  readonly entry: string | undefined;
  /** deno.json or package.json name packages. */
  readonly hasImports: boolean;
  /** The entry imports by address, beside what deno.json names. */
  readonly importsByAddress: boolean;
  readonly hasBuild: boolean;
  readonly isLocked: boolean;
}

const entries = [
  "main.ts",
  "server.ts",
  "mod.ts",
  "index.ts",
  "main.js",
  "server.js",
  "main.tsx",
  "src/main.ts",
  "src/server.ts",
];
const permissions = "--allow-net --allow-env --allow-read --allow-write --allow-sys --allow-run --allow-ffi";

export function readDenoProject(source: SourceView): DenoProject | Refusal {
  const config = readConfig(source);
  if (isRefusal(config)) return config;
  const tasks = asRecord(config["tasks"]);
  const entry = entries.find((file) => source.has(file));
  const text = entry === undefined ? "" : (readIfSmall(source, entry) ?? "");
  const named =
    ["imports", "importMap", "workspace"].some((key) => config[key] !== undefined) || source.has("package.json");
  const importsByAddress = /["'](?:https?:|npm:|jsr:)/.test(text);
  const command = commandOf(tasks, entry, text);
  if (command === undefined && !source.has("Procfile")) {
    return refuse(
      'Nothing says how to start the app: deno.json has no task "start", and there is no main.ts, server.ts and no Procfile.',
      'Add "start": "deno run --allow-net --allow-env main.ts" to the tasks of deno.json (and listen on 0.0.0.0 at PORT).',
    );
  }
  return {
    command: source.has("Procfile") ? undefined : command,
    entry,
    hasImports: named,
    importsByAddress,
    hasBuild: taskText(tasks["build"]) !== undefined,
    isLocked: source.has("deno.lock"),
  };
}

/** A module that exports a handler is served, any other runs. */
function commandOf(tasks: JsonObject, entry: string | undefined, text: string): string | undefined {
  if (taskText(tasks["start"]) !== undefined) return "deno task start";
  if (entry === undefined) return undefined;
  if (/^export default\b[^]*\bfetch\b/m.test(text))
    return `deno serve ${permissions} --host 0.0.0.0 --port $PORT ${entry}`;
  return `deno run ${permissions} ${entry}`;
}

/** A task is a text or, since Deno 2.1, a record. */
function taskText(task: unknown): string | undefined {
  return asText(task) ?? asText(asRecord(task)["command"]);
}

/** JSON with comments and trailing commas. */
function readConfig(source: SourceView): JsonObject | Refusal {
  const file = ["deno.json", "deno.jsonc"].find((name) => source.has(name));
  const text = (file === undefined ? undefined : source.read(file)) ?? "{}";
  try {
    return asRecord(JSON.parse(withoutComments(text.replace(/^\uFEFF/, ""))));
  } catch {
    return refuse(`${file} cannot be read: it is no JSON.`, "Correct it, commit and push again.");
  }
}

function withoutComments(text: string): string {
  const plain = text.replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g, (_all, string?: string) => string ?? "");
  return plain.replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_all, string?: string) => string ?? "");
}
