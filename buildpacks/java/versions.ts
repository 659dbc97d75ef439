import type { SourceView } from "../../server/builds/plan.ts";
import { readIfSmall, type Refusal, refuse } from "../reading.ts";

/** Debian's default, which nearly every project takes. */
const usual = "21";

/**
 * The JDK's major: what system.properties asks for, else one that can compile what the build file names, else 21.
 * `available` is oldest first.
 */
export function chooseJdk(source: SourceView, buildFile: string, available: readonly string[]): string | Refusal {
  const wish = properties(source.read("system.properties") ?? "")["java.runtime.version"];
  if (wish !== undefined) {
    const major = majorOf(wish);
    if (major !== undefined && available.includes(major)) return major;
    return refuse(`system.properties asks for Java ${wish}, which cannot be had.`, choices(available));
  }
  const target = compiledFor(readIfSmall(source, buildFile) ?? "");
  const fallback = available.includes(usual) ? usual : available.at(-1);
  if (target === undefined && fallback !== undefined) return fallback;
  const fitting = available.find((major) => Number(major) >= Number(target) && Number(major) >= Number(usual));
  return fitting ?? refuse(`${buildFile} is for Java ${target}, which cannot be had.`, choices(available));
}

/** `java.version`, `maven.compiler.release` and the like of a pom, toolchains and compatibility of Gradle. */
function compiledFor(text: string): string | undefined {
  const patterns = [
    /<(?:java\.version|maven\.compiler\.(?:release|target|source)|release)>\s*([\d.]+)\s*</,
    /JavaLanguageVersion\.of\(\s*["']?(\d+)/,
    /(?:sourceCompatibility|targetCompatibility)\s*=\s*(?:JavaVersion\.VERSION_|["'])?([\d._]+)/,
    /jvmToolchain\(\s*(\d+)/,
  ];
  for (const pattern of patterns) {
    const found = pattern.exec(text)?.[1];
    if (found !== undefined) return majorOf(found);
  }
  return undefined;
}

/** `21`, `21.0.2`, `1.8`, `openjdk-21`, `temurin-21.0.1` */
function majorOf(version: string): string | undefined {
  const [, one, major] = /^(?:[a-z]+-)*(1[._])?(\d+)/.exec(version.trim()) ?? [];
  return one === undefined || major === undefined ? major : String(Number(major));
}

/** Lines `name=value`, as java.util.Properties reads the plain ones. */
function properties(text: string): Readonly<Record<string, string>> {
  const lines = text.split(/\r?\n/).flatMap((line) => {
    const [, name, value] = /^\s*([^#!\s=:][^=:\s]*)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(lines);
}

function choices(available: readonly string[]): string {
  return `${available.join(" and ")} can: write java.runtime.version=${available.at(-1) ?? usual} into system.properties, or bring your own with a Dockerfile.`;
}
