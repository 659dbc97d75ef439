import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import type { ArchiveEntry } from "./archive-folder.ts";

type Arrival = { readonly header: Header; readonly content: Readable; readonly next: () => void } | "end" | Error;

/** Entries of a tar file in order. What is not read of one is passed over when the next is asked for. */
export async function* tarEntries(file: string, isGzip: boolean): AsyncGenerator<ArchiveEntry> {
  const reader = extract();
  const source = createReadStream(file);
  const arrivals: Arrival[] = [];
  const broken = new AbortController();
  let wake = (): void => undefined;
  const arrive = (what: Arrival): void => {
    arrivals.push(what);
    wake();
  };
  // Whoever reads the entry that broke off would wait for its rest.
  const fail = (err: Error): void => {
    broken.abort(err);
    arrive(err);
  };
  reader.on("entry", (header, stream, next) => {
    const content = stream as unknown as Readable;
    // It breaks with the reader, which has told already.
    content.on("error", () => undefined);
    arrive({ header, content, next });
  });
  reader.on("finish", () => arrive("end"));
  reader.on("error", fail);
  source.on("error", fail);
  if (isGzip) source.pipe(createGunzip().on("error", fail)).pipe(reader);
  else source.pipe(reader);
  try {
    for (;;) {
      while (arrivals.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const arrival = arrivals.shift();
      if (arrival === undefined || arrival === "end") return;
      if (arrival instanceof Error) throw arrival;
      const entry = toEntry(arrival.header, arrival.content, broken.signal);
      if (entry !== undefined) yield entry;
      arrival.content.resume();
      arrival.next();
    }
  } finally {
    source.destroy();
    reader.destroy();
  }
}

const kinds: Readonly<Record<string, string>> = {
  "character-device": "a device",
  "block-device": "a device",
  fifo: "a pipe",
};

function toEntry(header: Header, content: Readable, broken: AbortSignal): ArchiveEntry | undefined {
  const { name, type, mode, linkname } = header;
  if (type === "file" || type === "contiguous-file")
    return { name, kind: "file", isExecutable: (mode & 0o100) !== 0, content, broken };
  if (type === "directory") return { name, kind: "folder" };
  if (type === "symlink") return { name, kind: "link", target: linkname ?? "" };
  if (type === "link") return { name, kind: "hard link", target: linkname ?? "" };
  // What says something about those that follow has been read already.
  if (type?.startsWith("pax-") || type?.startsWith("gnu-")) return undefined;
  return { name, kind: "other", what: kinds[type ?? ""] ?? "of an unknown kind" };
}
