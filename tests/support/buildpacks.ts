import { chmod } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import type { BuildHarness, SourceFiles } from "./build-harness.ts";

/** A script of a buildpack; it ends with the first command that fails. */
export function script(...lines: readonly string[]): string {
  return `#!/usr/bin/env bash\nset -e\n${lines.join("\n")}\n`;
}

/** A `bin/release` that says this. */
export function yaml(value: unknown): string {
  return `#!/bin/sh\ncat <<'END'\n${stringify(value)}END\n`;
}

/** A source whose files in folders `bin` can be executed, but those named `*.plain`, which lose that ending. */
export async function sourceWith(harness: BuildHarness, files: SourceFiles): Promise<string> {
  const dir = await harness.source(files);
  for (const name of Object.keys(files)) if (/(^|\/)bin\/[^/]+$/.test(name)) await chmod(path.join(dir, name), 0o755);
  return dir;
}
