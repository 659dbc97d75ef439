import { readFile } from "node:fs/promises";
import path from "node:path";
import { type DockerIgnore, parseDockerIgnore } from "./docker-ignore.ts";
import { BuildFailed } from "./failure.ts";
import { walk } from "./source-files.ts";

const alwaysSent = new Set(["Dockerfile", ".dockerignore"]);

/**
 * What a Dockerfile may COPY: all but what `.dockerignore` keeps out, `.git` never. The Dockerfile and `.dockerignore`
 * are always sent; the engine takes them out again where they are ignored.
 */
export async function contextPaths(dir: string): Promise<readonly Buffer[]> {
  const ignore = await readIgnore(dir);
  const found: Buffer[] = [];
  const isIgnored = (p: Buffer): boolean => ignore.isIgnored(p.toString());
  const skip = (p: Buffer): boolean => !ignore.hasExceptions && isIgnored(p);
  for await (const entry of walk(dir, Buffer.alloc(0), skip)) {
    if (alwaysSent.has(entry.path.toString()) || !isIgnored(entry.path)) found.push(entry.path);
  }
  return found;
}

async function readIgnore(dir: string): Promise<DockerIgnore> {
  let text = "";
  try {
    text = await readFile(path.join(dir, ".dockerignore"), "utf8");
  } catch (err) {
    if (!(err instanceof Error && "code" in err && err.code === "ENOENT")) throw err;
  }
  try {
    return parseDockerIgnore(text);
  } catch (err) {
    if (!(err instanceof RangeError)) throw err;
    throw new BuildFailed(err.message, "Correct that line, commit and push again.", { cause: err });
  }
}
