import path from "node:path";
import type { PlanCommand, PlanStep, SourceView } from "../../server/builds/plan.ts";
import { readIfSmall } from "../reading.ts";
import { hasStaticRoot, manageFolder } from "./frameworks.ts";

type Env = Readonly<Record<string, string>>;

const collect = `case "\${DISABLE_COLLECTSTATIC:-0}" in
  0|"") exec python "$1" collectstatic --noinput ;;
  *) echo "Passed over: DISABLE_COLLECTSTATIC is set." ;;
esac`;

/** What runs with the whole source and the app's configuration; undefined when nothing has to. */
export function buildStep(source: SourceView, names: ReadonlySet<string>, env: Env): PlanStep | undefined {
  const folder = names.has("django") ? manageFolder(source) : undefined;
  const collects = folder !== undefined && hasStaticRoot(source, folder);
  const commands = [
    ...hook(source, "bin/pre_compile", env),
    ...(collects ? [collectStatic(path.posix.join(folder, "manage.py"), env)] : []),
    ...hook(source, "bin/post_compile", env),
  ];
  if (commands.length === 0) return undefined;
  const title = collects
    ? "Collecting static files (manage.py collectstatic)"
    : `Running ${commands.map((c) => c.name).join(", ")}`;
  return { title, files: [], commands };
}

/** Heroku's hooks. The dependencies are there before the first, since they are made without the rest of the source. */
function hook(source: SourceView, file: string, env: Env): readonly PlanCommand[] {
  if (readIfSmall(source, file) === undefined) return [];
  return [
    {
      argv: ["bash", file],
      name: file,
      user: "app",
      env: { ...env, HOME: "/tmp" },
      withConfig: true,
      hint: `Run ${file} yourself to see the same, correct it and push again.`,
    },
  ];
}

function collectStatic(manage: string, env: Env): PlanCommand {
  return {
    argv: ["sh", "-c", collect, "collectstatic", manage],
    name: `python ${manage} collectstatic`,
    user: "app",
    env: { ...env, HOME: "/tmp" },
    withConfig: true,
    hint: `Run python ${manage} collectstatic yourself to see the same; paas config:set DISABLE_COLLECTSTATIC=1 passes it over.`,
  };
}
