import path from "node:path";
import type { SourceView } from "../../server/builds/plan.ts";
import { readIfSmall } from "../reading.ts";

export interface Pom {
  /** `""` is the top. */
  readonly folder: string;
  readonly text: string;
}

const maxModules = 200;
/** What a project is called says nothing about what it needs. */
const names = ["artifactId", "version", "name", "description"];

/** The poms of a project and its modules, the top first; undefined when one cannot be read. */
export function readPoms(source: SourceView): readonly Pom[] | undefined {
  const found = new Map<string, Pom>();
  const queue = [""];
  for (let folder = queue.shift(); folder !== undefined; folder = queue.shift()) {
    if (found.has(folder)) continue;
    const text = folder.startsWith("..") ? undefined : readIfSmall(source, path.posix.join(folder, "pom.xml"));
    if (text === undefined || found.size === maxModules) return undefined;
    found.set(folder, { folder, text });
    for (const [, module = ""] of withoutComments(text).matchAll(/<module>\s*([^<]+?)\s*<\/module>/g)) {
      queue.push(path.posix.join(folder, module));
    }
  }
  return [...found.values()];
}

/** A pom whose project is called like any other; one that is referred to by its version is left as it is. */
export function anonymous(text: string): string {
  const plain = withoutComments(text);
  if (/\$\{(?:project|pom)\.|\$\{version\}/.test(plain)) return plain;
  let depth = 0;
  let hidden = false;
  return plain.replace(
    /<(\/?)([\w.:-]+)[^>]*?(\/?)>|[^<]+|<[^>]*>/g,
    (part, close?: string, name?: string, empty?: string) => {
      if (name === undefined) return hidden ? "app" : part;
      if (close === "/") {
        depth -= 1;
        hidden &&= depth !== 1;
      } else if (empty !== "/") {
        hidden ||= depth === 1 && names.includes(name);
        depth += 1;
      }
      return part;
    },
  );
}

function withoutComments(text: string): string {
  return text.replaceAll(/<!--[^]*?-->/g, "");
}
