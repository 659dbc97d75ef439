import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { StackFile } from "./stack-plan.ts";
import type { HostFiles } from "./stack.ts";

/** What the files of this machine say about mirrors and trust; `root` is `/` but in tests. */
export function hostFiles(root = "/"): HostFiles {
  const at = (relative: string) => path.join(root, relative);
  return {
    aptSources: async () => {
      const parts = await readFolder(at("etc/apt/sources.list.d"), /\.(list|sources)$/);
      return [await readOrEmpty(at("etc/apt/sources.list")), ...parts.map((part) => part.content)];
    },
    extraCas: () => readFolder(at("usr/local/share/ca-certificates"), /\.crt$/),
    caBundle: () => readOrEmpty(at("etc/ssl/certs/ca-certificates.crt")),
  };
}

/** In order of name: the stack's id hangs on it. */
async function readFolder(folder: string, pattern: RegExp): Promise<readonly StackFile[]> {
  const names = await absentAs([], readdir(folder));
  const wanted = names.filter((name) => pattern.test(name)).toSorted();
  return Promise.all(wanted.map(async (name) => ({ path: name, content: await readOrEmpty(path.join(folder, name)) })));
}

const readOrEmpty = (file: string): Promise<string> => absentAs("", readFile(file, "utf8"));

async function absentAs<T>(fallback: T, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return fallback;
    throw err;
  }
}
