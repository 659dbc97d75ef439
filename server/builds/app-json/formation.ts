import type { ManifestSize } from "../../core/types.ts";
import type { JsonValue } from "./json-text.ts";

const hint = 'Write: "formation": {"web": {"quantity": 2, "size": "512M"}}';
const typePattern = /^[A-Za-z0-9_-]{1,63}$/;
const maxCount = 100;
/** Heroku's sizes by their memory, MB. */
const sizes: Readonly<Record<string, number>> = {
  free: 512,
  eco: 512,
  hobby: 512,
  basic: 512,
  "standard-1x": 512,
  "standard-2x": 1024,
  "performance-m": 2560,
  "performance-l": 14_336,
};
const unsupported = new Set(["max_parallel", "autoscaling", "service", "max_surge"]);

/** How many instances of which memory per process type. */
export function readFormation(value: JsonValue, notes: string[]): Readonly<Record<string, ManifestSize>> {
  const entries = value.entries(hint).map(([type, entry]) => {
    if (!typePattern.test(type)) entry.refuse("it is not a process type.", hint);
    if (type === "release")
      entry.refuse("the release phase is not scaled.", "Remove it: it runs once for each release.");
    const fields = new Map(entry.entries(hint));
    for (const [key, field] of fields) {
      if (unsupported.has(key)) notes.push(`app.json: ${field.key} has no effect here`);
      else if (key !== "quantity" && key !== "size") field.refuse("it is no key of a formation.", hint);
    }
    const quantity = fields.get("quantity")?.whole(0, maxCount);
    return [type, { quantity, memoryMb: readSize(fields.get("size")) }] as const;
  });
  return Object.fromEntries(entries);
}

const sizeHint = `Write memory like 512M or 1G, or one of: ${Object.keys(sizes).join(", ")}.`;
const minMemoryMb = 16;

function readSize(at: JsonValue | undefined): number | undefined {
  if (at === undefined) return undefined;
  const size = at.text(sizeHint).toLowerCase();
  const [, amount, unit] = /^(\d{1,6})(m|g)b?$/.exec(size) ?? [];
  const memoryMb = amount === undefined ? sizes[size] : Number(amount) * (unit === "g" ? 1024 : 1);
  if (memoryMb === undefined || memoryMb < minMemoryMb) return at.refuse(`"${size}" is not a size.`, sizeHint);
  return memoryMb;
}
