import type { ManifestVariable } from "../../core/types.ts";
import type { JsonValue } from "./json-text.ts";

const hint = 'Write a text, or {"description": "…", "value": "…", "required": true, "generator": "secret"}.';
const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,255}$/;
/** Set for each instance; an app.json may not decide them. */
const reserved = new Set(["PORT", "DYNO"]);

/** Config vars that the app wants to have. A key without value and generator is required unless it says otherwise. */
export function readEnv(value: JsonValue, notes: string[]): Readonly<Record<string, ManifestVariable>> {
  const found: [string, ManifestVariable][] = [];
  for (const [key, entry] of value.entries(`Names and values: "env": {"GREETING": "hi"}`)) {
    if (!namePattern.test(key))
      entry.refuse("it is not a name for a config var.", "Use letters, digits and underscores, not a digit first.");
    if (reserved.has(key)) notes.push(`app.json: ${key} is set by the platform and passed over`);
    else found.push([key, readVariable(entry)]);
  }
  return Object.fromEntries(found);
}

function readVariable(entry: JsonValue): ManifestVariable {
  if (entry.type !== "object") return variable(undefined, entry.text(hint), true, false);
  const fields = new Map(entry.entries(hint));
  const description = fields.get("description")?.text(hint);
  const value = fields.get("value")?.text(`Write it in double quotes: "value": "8"`);
  const isRequired = fields.get("required")?.flag() ?? true;
  const generator = fields.get("generator");
  if (generator !== undefined && generator.value !== "secret")
    generator.refuse(`there is no generator ${JSON.stringify(generator.value)}.`, 'The one that exists is "secret".');
  const strange = [...fields].find(([key]) => !known.has(key));
  if (strange) strange[1].refuse("it is no key of a variable.", hint);
  return variable(description, value, isRequired, generator !== undefined);
}

const known = new Set(["description", "value", "required", "generator", "sync"]);

function variable(
  description: string | undefined,
  value: string | undefined,
  isRequired: boolean,
  isGenerated: boolean,
): ManifestVariable {
  return { description, value, isRequired, isGenerated };
}
