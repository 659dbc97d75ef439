import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pack, type Pack } from "tar-stream";

const appUid = 1000;

const base = ["--numeric-owner", "--sort=none", "-cf", "-"];

/**
 * The whole source as `app/…`, owned by the app's user. Done by GNU tar: 5,000 files take a fraction of what reading
 * them one by one here would.
 */
export function sourceTar(dir: string, signal: AbortSignal): Readable {
  return folderTar(dir, "app", signal);
}

/** A folder with all that is in it, but `.git`, as `<at>/…`. `at` is of our own making: letters, digits, `_` and `/`. */
export function folderTar(dir: string, at: string, signal: AbortSignal): Readable {
  if (!/^[a-z0-9_/]+$/.test(at)) throw new RangeError(`${at} cannot stand in a transformation`);
  return tarStream([...owned(appUid), ...into(at), "--exclude=.git", "-C", dir, ...base, "."], undefined, signal);
}

/** One file as `at`, owned by the app's user. */
export function fileTar(content: Buffer, at: string, mode = 0o644): Readable {
  const tar = pack();
  tar.entry({ name: at, mode, uid: appUid, gid: appUid }, content);
  return ended(tar);
}

/** Some paths of the source (folders without what is in them) as `app/…`, owned by the app's user. */
export function partialTar(dir: string, paths: readonly Buffer[], signal: AbortSignal): Readable {
  return tarStream([...owned(appUid), ...intoApp, ...base, "-C", dir, ...fromList], paths, signal);
}

/** Some paths, by the names that they have, owned by root; one of them with another text. */
export function contextTar(
  dir: string,
  paths: readonly Buffer[],
  signal: AbortSignal,
  replaced?: { readonly path: string; readonly text: string },
): Readable {
  if (replaced === undefined) return tarStream([...owned(0), ...base, "-C", dir, ...fromList], paths, signal);
  const kept = paths.filter((path) => path.toString() !== replaced.path);
  const others = tarStream([...owned(0), ...base, "-C", dir, ...fromList], kept, signal);
  return Readable.from(withEntry(others, replaced), { objectMode: false });
}

/** The same archive with one more file in front. */
async function* withEntry(others: Readable, file: { readonly path: string; readonly text: string }) {
  const first = pack();
  first.entry({ name: file.path, mode: 0o644, uid: 0, gid: 0 }, file.text);
  first.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of first as AsyncIterable<Buffer>) chunks.push(chunk);
  // An archive ends with two empty blocks: what follows them would not be read.
  yield Buffer.concat(chunks).subarray(0, -2 * blockBytes);
  yield* others as AsyncIterable<Buffer>;
}

const blockBytes = 512;

/** Texts as files in `app/…` (or `<at>/…`), owned by the app's user, their folders with them. */
export function textsTar(texts: Readonly<Record<string, string>>, at = "app", mode = 0o644): Readable {
  const tar = pack();
  const own = { uid: appUid, gid: appUid };
  for (const name of foldersOf(Object.keys(texts)))
    tar.entry({ name: `${at}/${name}`, type: "directory", mode: 0o755, ...own });
  for (const [file, text] of Object.entries(texts)) tar.entry({ name: `${at}/${file}`, mode, ...own }, text);
  return ended(tar);
}

/** Symbolic links, name → target, owned by the app's user. */
export function linksTar(links: Readonly<Record<string, string>>): Readable {
  const tar = pack();
  for (const [name, linkname] of Object.entries(links))
    tar.entry({ name, type: "symlink", linkname, uid: appUid, gid: appUid });
  return ended(tar);
}

function ended(tar: Pack): Readable {
  tar.finalize();
  return Readable.from(tar as AsyncIterable<Buffer>, { objectMode: false });
}

/** Parents first. */
function foldersOf(files: readonly string[]): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const file of files) {
    const parts = file.split("/").slice(0, -1);
    for (const depth of parts.keys()) folders.add(parts.slice(0, depth + 1).join("/"));
  }
  return folders;
}

// Modes as git knows them, whatever the umask was under which the files were written.
const owned = (uid: number): readonly string[] => [`--owner=o:${uid}`, `--group=o:${uid}`, "--mode=u+rwX,go+rX,go-w"];
// Names of members and targets of hard links move; targets of symbolic links must not.
const into = (at: string): readonly string[] => [`--transform=flags=rhS;s,^\\.,${at},`];
const intoApp = into("app");
const fromList = ["--no-recursion", "--null", "--verbatim-files-from", "--files-from=-"];

/** Starts tar when it is first read from: what a program has written that nobody reads is lost with its end. */
function tarStream(args: readonly string[], paths: readonly Buffer[] | undefined, signal: AbortSignal): Readable {
  async function* output(): AsyncGenerator<Buffer> {
    signal.throwIfAborted();
    const child = spawn("tar", args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
    });
    const closed = Promise.withResolvers<number>();
    child.once("error", closed.reject);
    child.once("close", (code) => closed.resolve(code ?? -1));
    closed.promise.catch(() => {});
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => {
      if (complaint.length < 1000) complaint += chunk.toString();
    });
    child.stdin.on("error", () => {});
    child.stdin.end(paths === undefined ? "" : Buffer.concat(paths.flatMap((p) => [p, zero])));
    const onAbort = (): boolean => child.kill("SIGKILL");
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk;
      // An archive that ends early looks whole to its reader: only the exit code tells.
      const code = await closed.promise;
      signal.throwIfAborted();
      if (code !== 0) throw new Error(`tar exited with code ${code}: ${complaint.trim()}`);
    } finally {
      signal.removeEventListener("abort", onAbort);
      child.kill("SIGKILL");
    }
  }
  return Readable.from(output(), { objectMode: false });
}

const zero = Buffer.of(0);
