import { open, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { AppError, isAppError, messageOf } from "../../core/errors.ts";
import { ArchiveFolder, type ArchiveLimits } from "./archive-folder.ts";
import { tarEntries } from "./tar.ts";
import { zipEntries } from "./zip.ts";

const mib = 1024 ** 2;
export const archiveLimits: ArchiveLimits = {
  maxBytes: 2048 * mib,
  maxFiles: 100_000,
  maxRatio: 200,
  freeBytes: 64 * mib,
};

/**
 * Unpacks a tar (plain or gzipped) or zip file into an empty folder. Nothing leaves the folder: names that lead out, links
 * that point out, devices and anything that is no file, folder or link are refused, and so is what grows beyond the limits.
 * A single folder at the top is taken off, as archives of repositories have one.
 *
 * @throws AppError ARCHIVE_…
 */
export async function unpackArchive(
  file: string,
  dir: string,
  signal: AbortSignal,
  limits: ArchiveLimits = archiveLimits,
): Promise<void> {
  const { kind, sizeBytes } = await look(file);
  const folder = new ArchiveFolder(dir, sizeBytes, limits);
  const entries = kind === "zip" ? zipEntries(file) : tarEntries(file, kind === "gzip");
  try {
    for await (const entry of entries) {
      signal.throwIfAborted();
      await folder.add(entry);
    }
    await folder.finish();
  } catch (err) {
    signal.throwIfAborted();
    if (isAppError(err) || isOfThisMachine(err)) throw err;
    throw new AppError("ARCHIVE_BROKEN", { cause: messageOf(err) }, { cause: err });
  }
  await takeOffTop(dir);
}

type Kind = "tar" | "gzip" | "zip";

/** Known by their first bytes, whatever the file is called. */
async function look(file: string): Promise<{ readonly kind: Kind; readonly sizeBytes: number }> {
  await using handle = await open(file, "r");
  const head = Buffer.alloc(512);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  const { size } = await handle.stat();
  if (bytesRead === 0) throw new AppError("ARCHIVE_UNKNOWN", { what: "It is empty." });
  const kind = kindOf(head);
  if (kind !== undefined) return { kind, sizeBytes: size };
  const known = others.find(({ magic }) => head.subarray(0, magic.length).equals(magic));
  throw new AppError("ARCHIVE_UNKNOWN", {
    what: known === undefined ? "It is none of these." : `It is ${known.name}.`,
  });
}

const others = [
  { magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58]), name: "packed with xz" },
  { magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), name: "packed with zstd" },
  { magic: Buffer.from("BZh"), name: "packed with bzip2" },
  { magic: Buffer.from("7z"), name: "a 7z file" },
  { magic: Buffer.from("<"), name: "a web page" },
];

function kindOf(head: Buffer): Kind | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head.subarray(0, 2).toString() === "PK") return "zip";
  return isTarHeader(head) ? "tar" : undefined;
}

/** The checksum holds; old tars have no other mark. */
function isTarHeader(head: Buffer): boolean {
  const written = Number.parseInt(
    head
      .subarray(148, 156)
      .toString("latin1")
      .replace(/[\0 ]+/g, ""),
    8,
  );
  const sum = head.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  return head.length === 512 && sum === written;
}

/** A full disk is no fault of the archive. */
function isOfThisMachine(err: unknown): boolean {
  return err instanceof Error && "syscall" in err;
}

async function takeOffTop(dir: string): Promise<void> {
  const [top, ...more] = await readdir(dir, { withFileTypes: true });
  if (top === undefined) throw new AppError("ARCHIVE_UNKNOWN", { what: "There is no file in it." });
  if (more.length > 0 || !top.isDirectory()) return;
  // By another name: it may hold something that is called as it is.
  const aside = path.join(dir, `.${top.name}.top`);
  await rename(path.join(dir, top.name), aside);
  for (const name of await readdir(aside)) await rename(path.join(aside, name), path.join(dir, name));
  await rm(aside, { recursive: true, force: true });
}
