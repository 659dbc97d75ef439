import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type DockerIgnore, parseDockerIgnore } from "./docker-ignore.ts";
import { BuildFailed } from "./failure.ts";
import { walk } from "./source-files.ts";

/**
 * What a Dockerfile may COPY: all but what its own `<name>.dockerignore`, else `.dockerignore`, keeps out, `.git` never.
 * The Dockerfile and the list itself are always sent, since the engine reads them there.
 */
export async function contextPaths(dir: string, dockerfile: string): Promise<readonly Buffer[]> {
  const own = `${dockerfile}.dockerignore`;
  const named = await readText(path.join(dir, own));
  const file = named === undefined ? ".dockerignore" : own;
  const ignore = readIgnore(file, named ?? (await readText(path.join(dir, file))) ?? "");
  const alwaysSent = new Set([dockerfile, file]);
  const found: Buffer[] = [];
  const isIgnored = (p: Buffer): boolean => ignore.isIgnored(p.toString());
  const skip = (p: Buffer): boolean => !ignore.hasExceptions && isIgnored(p);
  for await (const entry of walk(dir, Buffer.alloc(0), skip)) {
    if (alwaysSent.delete(entry.path.toString()) || !isIgnored(entry.path)) found.push(entry.path);
  }
  // In a folder that is ignored whole, or a link of their own name that the walk does not follow.
  const left = [...alwaysSent].filter((name) => existsSync(path.join(dir, name)));
  return [...found, ...left.map((name) => Buffer.from(name))];
}

function readIgnore(file: string, text: string): DockerIgnore {
  try {
    return parseDockerIgnore(text);
  } catch (err) {
    if (!(err instanceof RangeError)) throw err;
    const reason = err.message.replace(".dockerignore", file);
    throw new BuildFailed(reason, "Correct that line, commit and push again.", { cause: err });
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (err) {
    if (err instanceof Error && "code" in err && (err.code === "ENOENT" || err.code === "ENOTDIR")) return undefined;
    throw err;
  }
}
