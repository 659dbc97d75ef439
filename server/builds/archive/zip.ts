import { text } from "node:stream/consumers";
import { openPromise, type Entry, type ZipFile } from "yauzl";
import type { ArchiveEntry } from "./archive-folder.ts";

const typeMask = 0o170_000;
const linkType = 0o120_000;
const folderType = 0o040_000;
const fileType = 0o100_000;
const maxTargetBytes = 4096;

/** Entries of a zip file in the order of its directory. Names are checked by whoever takes them. */
export async function* zipEntries(file: string): AsyncGenerator<ArchiveEntry> {
  const zip = await openPromise(file, { lazyEntries: true, strictFileNames: true, autoClose: false });
  try {
    for await (const entry of zip.eachEntry()) yield await toEntry(zip, entry);
  } finally {
    zip.close();
  }
}

async function toEntry(zip: ZipFile, entry: Entry): Promise<ArchiveEntry> {
  const name = entry.fileName;
  // Of a zip made on Unix; others have no modes.
  const mode = entry.externalFileAttributes >>> 16;
  const type = mode & typeMask;
  if (entry.isEncrypted()) return { name, kind: "other", what: "encrypted" };
  if (name.endsWith("/") || type === folderType) return { name, kind: "folder" };
  if (type !== 0 && type !== linkType && type !== fileType) return { name, kind: "other", what: "no file" };
  if (type === linkType && entry.uncompressedSize > maxTargetBytes)
    return { name, kind: "other", what: "a link to a very long name" };
  const content = await zip.openReadStreamPromise(entry);
  if (type === linkType) return { name, kind: "link", target: await text(content) };
  return { name, kind: "file", isExecutable: (mode & 0o100) !== 0, content };
}
