import { readFileSync } from "node:fs";
import path from "node:path";

/** Version of the package that this code is of. */
export function version(): string {
  const file = path.join(import.meta.dirname, "..", "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}
