import { createWriteStream } from "node:fs";
import { copyFile, lstat, mkdir, readlink, realpath, symlink } from "node:fs/promises";
import path from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AppError } from "../../core/errors.ts";

export interface ArchiveLimits {
  /** Unpacked. */
  readonly maxBytes: number;
  readonly maxFiles: number;
  /** Unpacked to packed. */
  readonly maxRatio: number;
  /** As much may come out of any archive, however small. */
  readonly freeBytes: number;
}

/** One entry as an archive has it. */
export type ArchiveEntry =
  | {
      readonly name: string;
      readonly kind: "file";
      readonly isExecutable: boolean;
      readonly content: Readable;
      /** Aborts when there will be no more of it. */
      readonly broken?: AbortSignal;
    }
  | { readonly name: string; readonly kind: "folder" }
  | { readonly name: string; readonly kind: "link" | "hard link"; readonly target: string }
  /** `a device`: what it is, for people. */
  | { readonly name: string; readonly kind: "other"; readonly what: string };

/** A folder that is filled from an archive and that nothing leaves. */
export class ArchiveFolder {
  readonly #dir: string;
  readonly #limits: ArchiveLimits;
  readonly #maxBytes: number;
  readonly #links = new Map<string, string>();
  #bytes = 0;
  #count = 0;

  constructor(dir: string, packedBytes: number, limits: ArchiveLimits) {
    this.#dir = dir;
    this.#limits = limits;
    this.#maxBytes = Math.min(limits.maxBytes, Math.max(limits.freeBytes, packedBytes * limits.maxRatio));
  }

  /** @throws AppError ARCHIVE_UNSAFE, ARCHIVE_TOO_LARGE */
  async add(entry: ArchiveEntry): Promise<void> {
    const name = this.#clean(entry.name);
    this.#count += 1;
    if (this.#count > this.#limits.maxFiles)
      throw new AppError("ARCHIVE_TOO_LARGE", { what: `more than ${this.#limits.maxFiles} files` });
    if (entry.kind === "other") throw unsafe(entry.name, `it is ${entry.what}`);
    if (name === "" || isGit(name)) {
      if (entry.kind === "file") entry.content.resume();
      return;
    }
    if (entry.kind === "link") this.#links.set(name, this.#target(entry.name, path.posix.dirname(name), entry.target));
    else if (entry.kind === "folder") await mkdir(this.#at(name), { recursive: true });
    else if (entry.kind === "file") await this.#write(name, entry);
    else await this.#copy(name, entry.name, entry.target);
  }

  /** Makes the links, which nothing was written through, and looks where they lead. */
  async finish(): Promise<void> {
    for (const [name, target] of this.#links) {
      const isTaken = await lstat(this.#at(name)).then(
        () => true,
        () => false,
      );
      if (isTaken) throw unsafe(name, "it is a link and something else too");
      await this.#makeParent(name);
      await symlink(target, this.#at(name));
    }
    const root = await realpath(this.#dir);
    for (const name of this.#links.keys()) {
      const end = await realpath(this.#at(name)).catch(() => root);
      if (end !== root && !end.startsWith(root + path.sep))
        throw unsafe(name, `it is a link to ${await readlink(this.#at(name))}, outside the archive`);
    }
  }

  /** `./a//b/` → `a/b`. */
  #clean(raw: string): string {
    const parts = raw.split("/");
    if (raw.startsWith("/") || /^[A-Za-z]:/.test(raw)) throw unsafe(raw, "its name is absolute");
    if (parts.includes("..")) throw unsafe(raw, "its name leads out of the archive");
    if (/[\0\\]/.test(raw)) throw unsafe(raw.replaceAll("\0", "\\0"), "its name has a character that is not allowed");
    return parts.filter((part) => part !== "" && part !== ".").join("/");
  }

  #target(shown: string, folder: string, target: string): string {
    const end = path.posix.normalize(path.posix.join(folder, target));
    const leaves = path.posix.isAbsolute(target) || end === ".." || end.startsWith("../") || target.includes("\0");
    if (leaves) throw unsafe(shown, `it is a link to ${target}, outside the archive`);
    return target;
  }

  async #copy(name: string, shown: string, target: string): Promise<void> {
    const from = this.#at(this.#clean(target));
    const stats = await lstat(from).catch(() => undefined);
    if (stats?.isFile() !== true) throw unsafe(shown, `it is a hard link to ${target}, which is no file before it`);
    this.#grow(stats.size);
    await this.#makeParent(name);
    await copyFile(from, this.#at(name));
  }

  async #write(name: string, entry: Extract<ArchiveEntry, { kind: "file" }>): Promise<void> {
    const { content, isExecutable, broken } = entry;
    await this.#makeParent(name);
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        try {
          this.#grow(chunk.length);
          done(null, chunk);
        } catch (err) {
          done(err as Error);
        }
      },
    });
    const file = createWriteStream(this.#at(name), { mode: isExecutable ? 0o755 : 0o644 });
    try {
      await pipeline(content, counted, file, broken === undefined ? {} : { signal: broken });
    } catch (err) {
      throw broken?.aborted === true ? broken.reason : err;
    }
  }

  #grow(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#maxBytes) return;
    const mb = Math.round(this.#maxBytes / 1024 ** 2);
    throw new AppError("ARCHIVE_TOO_LARGE", { what: `more than ${mb} MB when unpacked` });
  }

  async #makeParent(name: string): Promise<void> {
    const folder = path.posix.dirname(name);
    for (let at = folder; at !== "."; at = path.posix.dirname(at))
      if (this.#links.has(at)) throw unsafe(name, `it is below the link ${at}`);
    await mkdir(this.#at(folder), { recursive: true });
  }

  #at(name: string): string {
    return path.join(this.#dir, name);
  }
}

function isGit(name: string): boolean {
  return name.split("/").includes(".git");
}

function unsafe(entry: string, problem: string): AppError {
  return new AppError("ARCHIVE_UNSAFE", { entry, problem });
}
