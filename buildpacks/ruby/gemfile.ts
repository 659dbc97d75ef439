import path from "node:path";
import type { SourceView } from "../../server/builds/plan.ts";
import { readIfSmall } from "../reading.ts";

/** What Gemfile.lock says, as far as a build has to know. */
export interface Lockfile {
  /** Names of all gems. */
  readonly gems: ReadonlySet<string>;
  /** Folders of the repository that gems come from; the root itself is the empty string. */
  readonly folders: readonly string[];
  /** All gems come from the public index, or from the repository. */
  readonly isPublic: boolean;
}

export function parseLockfile(text: string): Lockfile {
  const gems = new Set<string>();
  const folders: string[] = [];
  let isPublic = true;
  let section = "";
  for (const line of text.replace(/^\uFEFF/, "").split(/\r?\n/)) {
    if (/^[A-Z]/.test(line)) section = line.trim();
    const remote = /^ {2}remote: (\S+)/.exec(line)?.[1];
    if (remote !== undefined && section === "PATH") folders.push(clean(remote));
    else if (remote !== undefined) isPublic &&= /^https?:\/\/(www\.)?rubygems\.\w+\/?$/.test(remote);
    const name = /^ {4}([A-Za-z0-9_.-]+) \(/.exec(line)?.[1];
    if (name !== undefined) gems.add(name);
  }
  return { gems, folders, isPublic };
}

/** What `bundle install` reads beside Gemfile and Gemfile.lock. */
export function installFiles(source: SourceView, lock: Lockfile): readonly string[] {
  const gemspecs = source.list("").filter((name) => name.endsWith(".gemspec"));
  const read = [...(readIfSmall(source, "Gemfile") ?? "").matchAll(/\bfile:\s*["']([^"']+)["']/g)].map(
    ([, file]) => file ?? "",
  );
  const named = [".ruby-version", ".tool-versions", "vendor/cache", ".bundle/config", ...read, ...gemspecs];
  const local = lock.folders.includes("") ? source.list("").map((name) => name.replace(/\/$/, "")) : lock.folders;
  return [...new Set(["Gemfile", "Gemfile.lock", ...named, ...local])].filter((file) => source.has(file));
}

/** The version that Gemfile or a version file asks for, as it is written. */
export interface RubyWish {
  readonly place: string;
  readonly text: string;
  /** Bundler compares it with the interpreter, to the last number. */
  readonly isChecked: boolean;
}

export function readWish(source: SourceView): RubyWish | undefined {
  const gemfile = readIfSmall(source, "Gemfile") ?? "";
  const written = /^\s*ruby\s*\(?\s*((?:["'][^"']+["']\s*,?\s*)+)/m.exec(gemfile)?.[1];
  if (written !== undefined) {
    const parts = [...written.matchAll(/["']([^"']+)["']/g)].map(([, part]) => part ?? "");
    return { place: "Gemfile", text: parts.join(", "), isChecked: true };
  }
  const file = /^\s*ruby\s*\(?\s*file:\s*["']([^"']+)["']/m.exec(gemfile)?.[1];
  const fromFile = file === undefined ? undefined : wordOf(source, file);
  if (file !== undefined && fromFile !== undefined) return { place: file, text: fromFile, isChecked: true };
  for (const place of [".ruby-version", ".tool-versions"]) {
    const text = wordOf(source, place);
    if (text !== undefined) return { place, text, isChecked: false };
  }
  return undefined;
}

function wordOf(source: SourceView, file: string): string | undefined {
  const lines = (readIfSmall(source, file) ?? "").split(/\r?\n/).map((line) => line.replace(/#.*/, "").trim());
  const line = file.endsWith(".tool-versions")
    ? lines.find((l) => l.startsWith("ruby "))?.slice("ruby ".length)
    : lines.find((l) => l !== "");
  return line?.trim().replace(/^ruby-/, "");
}

function clean(folder: string): string {
  const normal = path.posix.normalize(folder).replace(/\/$/, "");
  return normal === "." ? "" : normal;
}
