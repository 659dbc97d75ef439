import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AppError } from "../../core/errors.ts";

/** As it comes in. */
export const maxArchiveBytes = 1024 ** 3;

/** A file that is there until it is disposed. */
export interface KeptFile extends AsyncDisposable {
  readonly path: string;
  /** `sha256:…` of the content. */
  readonly digest: string;
}

/** Writes what comes into a new folder below `dir`. @throws AppError ARCHIVE_TOO_LARGE; what the stream throws */
export async function keepFile(
  dir: string,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  maxBytes = maxArchiveBytes,
): Promise<KeptFile> {
  await mkdir(dir, { recursive: true });
  const folder = await mkdtemp(path.join(dir, "source-"));
  const dispose = () => rm(folder, { recursive: true, force: true });
  const file = path.join(folder, "archive");
  const hash = createHash("sha256");
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      const what = `more than ${maxBytes / 1024 ** 2} MB`;
      done(bytes > maxBytes ? new AppError("ARCHIVE_TOO_LARGE", { what }) : null, chunk);
    },
  });
  try {
    await pipeline(content, counted, createWriteStream(file, { mode: 0o600 }), { signal });
    return { path: file, digest: `sha256:${hash.digest("hex")}`, [Symbol.asyncDispose]: dispose };
  } catch (err) {
    await dispose();
    throw err;
  }
}
