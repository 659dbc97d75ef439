import path from "node:path";
import { tmpdir } from "node:os";
import { execOnHost } from "./exec.ts";
import { hostFiles } from "./host-files.ts";
import { fileLock } from "./lock.ts";
import type { StackDeps, StackImages } from "./stack.ts";

const lockWaitMs = 25 * 60_000;

/** This machine's own files and programs, with an engine's images. */
export function realStackDeps(images: StackImages): StackDeps {
  const uid = process.getuid?.() ?? 0;
  return {
    images,
    host: hostFiles(),
    // /tmp may be a tmpfs mounted nodev; a root file system is made here.
    bootstrap: { exec: execOnHost, isRoot: uid === 0, workDir: "/var/tmp" },
    lock: fileLock({ file: path.join(lockFolder(uid), `paas-host-${uid}.lock`), waitMs: lockWaitMs, pollMs: 500 }),
    clock: Date.now,
  };
}

function lockFolder(uid: number): string {
  return uid === 0 ? "/run" : tmpdir();
}
