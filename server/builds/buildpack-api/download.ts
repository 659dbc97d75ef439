import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, utimes } from "node:fs/promises";
import path from "node:path";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AppError, isAppError, messageOf } from "../../core/errors.ts";
import { newId } from "../../core/ids.ts";
import type { Archive } from "./fetch.ts";
import { shown } from "./reference.ts";

export interface DownloadOptions {
  /** Archives are kept there by their digest; the folder is made. */
  readonly dir: string;
  /** The content of an address. @throws AppError when it cannot be had */
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Readable>;
}

const timeoutMs = 120_000;
const limitBytes = 100 * 1024 ** 2;

/**
 * Downloads an archive, or finds the one that has the digest.
 * @throws AppError ARCHIVE_FAILED, ARCHIVE_CHANGED
 */
export async function downloadArchive(
  options: DownloadOptions,
  url: string,
  digest: string | undefined,
  signal: AbortSignal,
): Promise<Archive> {
  const fileOf = (name: string) => path.join(options.dir, name);
  if (digest !== undefined && (await isKept(fileOf(digest)))) return { file: fileOf(digest), digest };
  await mkdir(options.dir, { recursive: true });
  const draft = fileOf(`.${newId()}`);
  try {
    const found = await save(options, url, draft, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
    if (digest !== undefined && found !== digest) throw new AppError("ARCHIVE_CHANGED", { url: shown(url) });
    await rename(draft, fileOf(found));
    return { file: fileOf(found), digest: found };
  } catch (err) {
    signal.throwIfAborted();
    if (isAppError(err)) throw err;
    throw new AppError("ARCHIVE_FAILED", { url: shown(url), cause: causeOf(err) }, { cause: err });
  } finally {
    await rm(draft, { force: true });
  }
}

async function save(options: DownloadOptions, url: string, file: string, signal: AbortSignal): Promise<string> {
  const content = await options.fetch(url, signal);
  const hash = createHash("sha256");
  let length = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      length += chunk.length;
      hash.update(chunk);
      if (length > limitBytes) done(new Error(`it is larger than ${limitBytes / 1024 ** 2} MB`));
      else done(null, chunk);
    },
  });
  await pipeline(content, counted, createWriteStream(file, { mode: 0o600 }), { signal });
  return hash.digest("hex");
}

/** One that is counts as used now. */
async function isKept(file: string): Promise<boolean> {
  try {
    const now = new Date();
    await utimes(file, now, now);
    return true;
  } catch {
    // Not there any more: it is downloaded again.
    return false;
  }
}

/** What `fetch` says is "fetch failed"; the reason is in its cause. */
function causeOf(err: unknown): string {
  const cause = err instanceof Error && err.cause instanceof Error ? err.cause : err;
  if (cause instanceof Error && cause.name === "TimeoutError") return `it took longer than ${timeoutMs / 1000} s`;
  return messageOf(cause).replace(/[\s.]+$/, "");
}
