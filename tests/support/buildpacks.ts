import { chmod, writeFile } from "node:fs/promises";
import path from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { pack } from "tar-stream";
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

/** Writes a tar.gz of programs. */
export async function tgz(dir: string, name: string, files: SourceFiles): Promise<void> {
  const tar = pack();
  for (const [file, text] of Object.entries(files)) tar.entry({ name: file, mode: 0o755 }, text);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  await writeFile(path.join(dir, name), gzipSync(Buffer.concat(chunks)));
}

/** Writes a zip of programs, nothing compressed. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT */
export async function zip(dir: string, name: string, files: SourceFiles): Promise<void> {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const [file, text] of Object.entries(files)) {
    const [title, data] = [Buffer.from(file), Buffer.from(text)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(title.length, 22);
    const record = Buffer.concat([Buffer.from("PK\x03\x04"), common, title, data]);
    const rest = Buffer.alloc(14);
    // Made on Unix, so that the mode counts.
    rest.writeUInt32LE((0o100755 << 16) >>> 0, 6);
    rest.writeUInt32LE(at, 10);
    central.push(Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.of(20, 3), common, rest, title]));
    local.push(record);
    at += record.length;
  }
  const listing = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(listing.length, 8);
  end.writeUInt32LE(at, 12);
  await writeFile(path.join(dir, name), Buffer.concat([...local, listing, Buffer.from("PK\x05\x06"), end]));
}
