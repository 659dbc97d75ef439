import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import type { ConfigVars } from "../../core/types.ts";

export interface ProjectToml {
  /** Folder of the app within the repository. */
  readonly root: string | undefined;
  /** For the build alone; config vars of the app win. */
  readonly buildEnv: ConfigVars;
  readonly exclude: readonly string[] | undefined;
  readonly include: readonly string[] | undefined;
  readonly notes: readonly string[];
}

const variables = z.array(z.object({ name: z.string(), value: z.string() }));
const files = { exclude: z.array(z.string()).optional(), include: z.array(z.string()).optional() };
const schema = z.object({
  build: z.object({ ...files, env: variables.optional(), buildpacks: z.array(z.unknown()).optional() }).optional(),
  io: z
    .object({
      paas: z.object({ root: z.string().optional() }).optional(),
      buildpacks: z
        .object({
          ...files,
          group: z.array(z.unknown()).optional(),
          build: z.object({ env: variables.optional() }).optional(),
          env: z.object({ build: variables.optional() }).optional(),
        })
        .optional(),
    })
    .optional(),
});

/**
 * Reads a project.toml of either version: `[build]` of 0.1, `[io.buildpacks]` of 0.2, and our own `[io.paas] root`.
 * https://github.com/buildpacks/spec/blob/main/extensions/project-descriptor.md
 *
 * @throws AppError PROJECT_TOML_INVALID naming line or key
 */
export function parseProjectToml(text: string): ProjectToml {
  const parsed = schema.safeParse(readToml(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new AppError("PROJECT_TOML_INVALID", {
      at: issue?.path.join(".") ?? "?",
      problem: issue?.message ?? "unknown",
    });
  }
  const { build, io } = parsed.data;
  const own = io?.buildpacks;
  const env = [...(build?.env ?? []), ...(own?.build?.env ?? []), ...(own?.env?.build ?? [])];
  const groups = (build?.buildpacks?.length ?? 0) + (own?.group?.length ?? 0);
  const result = {
    root: io?.paas?.root,
    buildEnv: Object.fromEntries(env.map(({ name, value }) => [name, value])),
    exclude: own?.exclude ?? build?.exclude,
    include: own?.include ?? build?.include,
    notes:
      groups === 0
        ? []
        : ["project.toml: its buildpacks are Cloud Native Buildpacks, which do not run here; they are passed over"],
  };
  if (result.include !== undefined && result.exclude !== undefined)
    throw new AppError("PROJECT_TOML_INVALID", { at: "include", problem: "include and exclude may not both be there" });
  return result;
}

function readToml(text: string): unknown {
  try {
    return parse(text.replace(/^\uFEFF/, ""));
  } catch (err) {
    if (!(err instanceof TomlError)) throw err;
    const [problem = ""] = err.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw new AppError("PROJECT_TOML_INVALID", { at: `line ${err.line}`, problem }, { cause: err });
  }
}
