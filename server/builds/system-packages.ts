import { createHash } from "node:crypto";
import type { StackImages } from "./build-context.ts";

/** Debian packages that a plan needs beside the stack's own. */
export interface SystemPackages {
  /** For layers and the build step; what the run time has is there too. */
  readonly build: readonly string[];
  /** In the droplet. */
  readonly run: readonly string[];
}

/** A stack image with packages on top, named by what is in it: made once, for all apps. */
export interface SystemImage {
  readonly ref: string;
  readonly from: string;
  /** Sorted, each once. */
  readonly packages: readonly string[];
}

export interface SystemPlan {
  /** The stack as it is with the packages; its id differs, so that no layer is taken for one without them. */
  readonly stack: StackImages;
  /** What has to be there for it. */
  readonly images: readonly SystemImage[];
}

/** Raised when the way in which packages are installed changes. */
const formatVersion = 1;

// https://www.debian.org/doc/debian-policy/ch-controlfields.html#source; apt takes "NAME-" as the wish to remove NAME.
const namePattern = /^[a-z0-9][a-z0-9+.-]*[a-z0-9+.]$/;

/** Of some words those that cannot be a package of Debian's. */
export function notPackageNames(names: readonly string[]): readonly string[] {
  return names.filter((name) => name.length > 100 || !namePattern.test(name));
}

/** Decides the images that hold the packages, and what they are called. */
export function planSystem(stack: StackImages, system: SystemPackages): SystemPlan {
  const run = imageOf("run", stack.runImage, system.run);
  const build = imageOf("build", stack.buildImage, [...system.build, ...system.run]);
  const images = [run, build].filter((image) => image.packages.length > 0);
  if (images.length === 0) return { stack, images };
  const id = `${stack.id}+${hashOf(images.map((image) => image.ref))}`;
  const refOf = (image: SystemImage) => (image.packages.length > 0 ? image.ref : image.from);
  return { stack: { id, buildImage: refOf(build), runImage: refOf(run) }, images };
}

function imageOf(part: "run" | "build", from: string, names: readonly string[]): SystemImage {
  const packages = [...new Set(names)].toSorted();
  return { ref: `paas/system-${part}:${hashOf([formatVersion, from, packages])}`, from, packages };
}

export interface InstallFailure {
  readonly reason: string;
  readonly hint: string;
}

/** What apt's complaints mean for the person who asked for the packages. */
export function installFailure(output: string, code: number): InstallFailure {
  const unknown = [
    ...output.matchAll(/^E: Unable to locate package (\S+)$/gm),
    ...output.matchAll(/^E: Package '(\S+)' has no installation candidate$/gm),
  ].map(([, name]) => name ?? "");
  if (unknown.length > 0) {
    const names = [...new Set(unknown)].toSorted();
    return {
      reason: `Debian 13 has no package called ${names.join(", ")}.`,
      hint: "Correct the name or remove it, and push again. Names can differ from those of Ubuntu and of older Debians.",
    };
  }
  const unreachable = /^[EW]: (Failed to fetch .*|.*Could not resolve .*|.*Unable to connect .*)$/m.exec(output)?.[1];
  if (unreachable !== undefined) {
    return {
      reason: `The system packages could not be fetched: ${unreachable}`,
      hint: "Push again; if it stays, look whether this machine reaches its Debian mirror: paas doctor",
    };
  }
  return {
    reason: `apt-get exited with code ${code} while it installed system packages.`,
    hint: "Its last lines are above. Packages may exclude each other: try with fewer of them.",
  };
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 20);
}
