import type { ManifestScripts } from "../../core/types.ts";
import type { JsonValue } from "./json-text.ts";

const hint = 'Write: "scripts": {"dokku": {"predeploy": "…", "postdeploy": "…"}, "postdeploy": "…"}';

/** `scripts.postdeploy` is Heroku's, for the first deploy; those below `dokku` run at each. */
export function readScripts(value: JsonValue): ManifestScripts {
  const own = new Map(value.entries(hint));
  const dokku = new Map(own.get("dokku")?.entries(hint));
  for (const [key, at] of dokku)
    if (key !== "predeploy" && key !== "postdeploy") at.refuse("there is no such script.", hint);
  return {
    predeploy: commandOf(dokku.get("predeploy")) ?? commandOf(own.get("predeploy")),
    postdeploy: commandOf(dokku.get("postdeploy")),
    firstDeploy: commandOf(own.get("postdeploy")),
  };
}

/** A text, or Heroku's `{"command": "…", "size": "…"}`. Blank is none. */
function commandOf(at: JsonValue | undefined): string | undefined {
  if (at === undefined) return undefined;
  const named = at.type === "object" ? at.entries(hint).find(([key]) => key === "command")?.[1] : at;
  if (named === undefined) return at.refuse("it has no command.", hint);
  const command = named.text(hint).trim();
  return command === "" ? undefined : command;
}
