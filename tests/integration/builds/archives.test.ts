import { execFile } from "node:child_process";
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { pack, type Header } from "tar-stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { unpackArchive } from "../../../server/builds/archive/unpack.ts";
import { AppError } from "../../../server/core/errors.ts";

const run = promisify(execFile);
const never = new AbortController().signal;
const mib = 1024 ** 2;
const limits = { maxBytes: 3 * mib, maxFiles: 50, maxRatio: 20, freeBytes: mib };

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), "paas-archive-"));
  await mkdir(path.join(scratch, "out"));
});
afterEach(() => rm(scratch, { recursive: true, force: true }));

type Entry = Partial<Header> & { readonly name: string } & { readonly text?: string | Buffer };

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const tar = pack();
  for (const { text = "", ...header } of entries) tar.entry(header, text);
  tar.finalize();
  return await buffer(tar);
}

async function unpack(content: Buffer): Promise<string> {
  const file = path.join(scratch, "archive");
  await writeFile(file, content);
  await unpackArchive(file, path.join(scratch, "out"), never, limits);
  return path.join(scratch, "out");
}

async function problemOf(content: Buffer): Promise<string> {
  try {
    await unpack(content);
    return "unpacked";
  } catch (err) {
    if (err instanceof AppError) return err.message;
    throw err;
  }
}

/** A zip that Python makes, which lets names and modes be anything. */
async function zipOf(script: string): Promise<Buffer> {
  const file = path.join(scratch, "made.zip");
  const make = `import sys, zipfile, stat
def link(z, name, target):
    i = zipfile.ZipInfo(name); i.create_system = 3; i.external_attr = (stat.S_IFLNK | 0o777) << 16
    z.writestr(i, target)
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z:
${script.replace(/^/gm, "    ")}
`;
  await run("python3", ["-c", make, file]);
  return await readFile(file);
}

describe("archives that tools make", () => {
  beforeEach(async () => {
    const source = path.join(scratch, "shop-1.0");
    await mkdir(path.join(source, "bin"), { recursive: true });
    await mkdir(path.join(source, ".git"));
    await writeFile(path.join(source, ".git", "config"), "secret");
    await writeFile(path.join(source, "Procfile"), "web: bin/run\n");
    await writeFile(path.join(source, "bin", "run"), "#!/bin/sh\n");
    await chmod(path.join(source, "bin", "run"), 0o755);
    await writeFile(path.join(source, `${"long-".repeat(30)}name.txt`), "x");
    await symlink("bin/run", path.join(source, "start"));
  });

  test.each([
    ["tar", ["cf"]],
    ["tar.gz", ["czf"]],
    ["old tar", ["cf", "--format=gnu"]],
    ["pax", ["cf", "--format=posix"]],
  ])(
    "%s: files, modes and links are there, the single folder on top is not, .git is not",
    async (_name, [flags = "", ...more]) => {
      const file = path.join(scratch, "made");
      await run("tar", [`-${flags}`, file, ...more, "-C", scratch, "shop-1.0"]);
      const out = await unpack(await readFile(file));
      expect((await readdir(out)).toSorted()).toEqual(["Procfile", "bin", `${"long-".repeat(30)}name.txt`, "start"]);
      expect(await readlink(path.join(out, "start"))).toBe("bin/run");
      expect((await lstat(path.join(out, "bin", "run"))).mode & 0o777).toBe(0o755);
      expect((await lstat(path.join(out, "Procfile"))).mode & 0o111).toBe(0);
    },
  );

  test("zip too, and one without a folder on top", async () => {
    const made = await zipOf(
      'z.writestr("Procfile", "web: x")\nlink(z, "start", "bin/run")\nz.writestr("bin/run", "#!/bin/sh")',
    );
    const out = await unpack(made);
    expect((await readdir(out)).toSorted()).toEqual(["Procfile", "bin", "start"]);
    expect(await readlink(path.join(out, "start"))).toBe("bin/run");
  });

  test("a hard link within becomes a file", async () => {
    const out = await unpack(
      await tarOf([
        { name: "a", text: "same" },
        { name: "b", type: "link", linkname: "a" },
      ]),
    );
    expect(await readFile(path.join(out, "b"), "utf8")).toBe("same");
  });
});

const refused = (entry: string, problem: string) => `The archive has an entry that is refused, "${entry}": ${problem}.`;

describe("a tar is refused", () => {
  test.each<[string, Entry[], string]>([
    ["..", [{ name: "../x", text: "x" }], refused("../x", "its name leads out of the archive")],
    ["deep ..", [{ name: "a/../../x", text: "x" }], refused("a/../../x", "its name leads out of the archive")],
    ["absolute", [{ name: "/etc/x", text: "x" }], refused("/etc/x", "its name is absolute")],
    ["a device", [{ name: "null", type: "character-device" }], refused("null", "it is a device")],
    ["a pipe", [{ name: "p", type: "fifo" }], refused("p", "it is a pipe")],
    [
      "an absolute link",
      [{ name: "l", type: "symlink", linkname: "/etc/passwd" }],
      refused("l", "it is a link to /etc/passwd, outside the archive"),
    ],
    [
      "a link that leads out",
      [{ name: "a/l", type: "symlink", linkname: "../../x" }],
      refused("a/l", "it is a link to ../../x, outside the archive"),
    ],
    [
      "links that lead out only together",
      [
        { name: "d/e/up", type: "symlink", linkname: "../.." },
        { name: "out", type: "symlink", linkname: "d/e/up/.." },
      ],
      refused("out", "it is a link to d/e/up/.., outside the archive"),
    ],
    [
      "what is written through a link",
      [
        { name: "l", type: "symlink", linkname: "d" },
        { name: "l/x", text: "x" },
      ],
      refused("l/x", "it is below the link l"),
    ],
    [
      "a file that is a link too",
      [
        { name: "x", text: "x" },
        { name: "x", type: "symlink", linkname: "y" },
      ],
      refused("x", "it is a link and something else too"),
    ],
    [
      "a hard link that leads out",
      [{ name: "h", type: "link", linkname: "/etc/passwd" }],
      refused("/etc/passwd", "its name is absolute"),
    ],
    [
      "a hard link to nothing",
      [{ name: "h", type: "link", linkname: "a" }],
      refused("h", "it is a hard link to a, which is no file before it"),
    ],
  ])("%s", async (_name, entries, problem) => {
    expect(await problemOf(await tarOf([{ name: "ok.txt", text: "x" }, ...entries]))).toBe(problem);
    expect(await readdir(scratch)).not.toContain("x");
  });

  test("that has too many files, or grows too much, or too large", async () => {
    const many = Array.from({ length: 60 }, (_, i) => ({ name: `f${i}`, text: "x" }));
    expect(await problemOf(await tarOf(many))).toBe("The archive is too large: more than 50 files.");
    const bomb = gzipSync(await tarOf([{ name: "zeros", text: Buffer.alloc(2 * mib) }]));
    expect(await problemOf(bomb)).toBe("The archive is too large: more than 1 MB when unpacked.");
    const large = await tarOf([{ name: "zeros", text: Buffer.alloc(4 * mib) }]);
    expect(await problemOf(large)).toBe("The archive is too large: more than 3 MB when unpacked.");
  });

  test("that is cut off, empty, or none", async () => {
    const whole = gzipSync(await tarOf([{ name: "a", text: "x".repeat(5000) }]));
    expect(await problemOf(whole.subarray(0, -12))).toMatch(/^The archive cannot be read to its end: /);
    const plain = await tarOf([{ name: "a", text: "x".repeat(5000) }]);
    expect(await problemOf(plain.subarray(0, 2000))).toMatch(/^The archive cannot be read to its end: /);
    expect(await problemOf(Buffer.alloc(0))).toBe("This is no archive that can be unpacked. It is empty.");
    expect(await problemOf(Buffer.from("<html>"))).toBe("This is no archive that can be unpacked. It is a web page.");
    expect(await problemOf(Buffer.from("BZh9"))).toBe(
      "This is no archive that can be unpacked. It is packed with bzip2.",
    );
    expect(await problemOf(await tarOf([]))).toMatch(/^This is no archive/);
  });
});

describe("a zip is refused", () => {
  test.each([
    ['z.writestr("../x", "x")', /its name leads out|invalid relative path/],
    ['z.writestr("/x", "x")', /absolute/],
    ['z.writestr("a\\\\..\\\\..\\\\x", "x")', /invalid characters|not allowed/],
    ['link(z, "l", "/etc/passwd")', /it is a link to \/etc\/passwd, outside the archive/],
    ['link(z, "l", "d")\nz.writestr("l/x", "x")', /it is below the link l/],
    ['z.writestr("zeros", bytes(2 * 1024 * 1024))', /more than 1 MB when unpacked/],
  ])("%s", async (script, problem) => {
    expect(await problemOf(await zipOf(script))).toMatch(problem);
    expect(await readdir(scratch)).not.toContain("x");
  });

  test("that is cut off", async () => {
    const whole = await zipOf('z.writestr("a", "x")');
    expect(await problemOf(whole.subarray(0, -30))).toMatch(/^The archive cannot be read to its end: /);
  });
});
