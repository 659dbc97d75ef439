import { type EngineState, type HostFacts, planEngine } from "./engine-plan.ts";

/** One line of the preflight. */
export interface Check {
  readonly name: string;
  /** `fixable`: `paas doctor --fix` puts it right. */
  readonly state: "ok" | "problem" | "fixable";
  readonly detail: string;
  /** What to do; empty when ok. */
  readonly hint: string;
  /** Nothing can work before this is put right. */
  readonly blocking: boolean;
}

export type PortState =
  | { readonly kind: "free" }
  /** The kernel does not let this user have it. */
  | { readonly kind: "denied" }
  | { readonly kind: "held"; readonly by: string; readonly own: boolean };

const minimumNode = 24;
const minimumGit: readonly [number, number] = [2, 30];
const wantedDiskBytes = 5e9;
const wantedMemoryBytes = 1e9;

export function nodeCheck(version: string): Check {
  const major = Number(/^v?(\d+)/.exec(version)?.[1] ?? 0);
  if (major >= minimumNode) return ok("Node", version);
  return problem("Node", `${version}; ${minimumNode} or newer is needed`, "In the folder of paas run: npm ci", true);
}

/** `output` of `git --version`, undefined when there is no git. */
export function gitCheck(output: string | undefined, facts: HostFacts): Check {
  const install = "apt-get install git";
  if (output === undefined) {
    const canFix = facts.isRoot && facts.isDebianLike;
    return { ...problem("git", "is not installed", install, true), state: canFix ? "fixable" : "problem" };
  }
  const version = /\d+(?:\.\d+)+/.exec(output)?.[0] ?? "0";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const enough = major > minimumGit[0] || (major === minimumGit[0] && minor >= minimumGit[1]);
  return enough
    ? ok("git", version)
    : problem("git", `${version}; ${minimumGit.join(".")} or newer is needed`, install, true);
}

export function engineCheck(state: EngineState, facts: HostFacts): Check {
  const plan = planEngine(state, facts);
  switch (plan.kind) {
    case "use":
      return ok("engine", `Docker Engine ${plan.engine.version}, API ${plan.engine.apiVersion}`);
    case "manual":
      return problem("engine", plan.problem, plan.hint, true);
    case "start":
      return fixable("engine", "is installed but does not run");
    case "install":
      return fixable("engine", "is not installed");
  }
}

/** The engine's storage driver; undefined without an engine. */
export function storageCheck(driver: string | undefined): Check | undefined {
  if (driver === undefined) return undefined;
  if (driver !== "vfs") return ok("storage driver", driver);
  return problem(
    "storage driver",
    "vfs copies every layer: slow, and it fills the disk",
    "Put the engine's data on ext4, xfs or btrfs.",
  );
}

export function diskCheck(name: string, folder: string, freeBytes: number): Check {
  const detail = `${formatGb(freeBytes)} free in ${folder}`;
  if (freeBytes >= wantedDiskBytes) return ok(name, detail);
  return problem(name, `${detail}; ${formatGb(wantedDiskBytes)} are advised`, "Make room there.");
}

export function memoryCheck(totalBytes: number, availableBytes: number): Check {
  const detail = `${formatGb(availableBytes)} of ${formatGb(totalBytes)} available`;
  if (availableBytes >= wantedMemoryBytes) return ok("memory", detail);
  return problem(
    "memory",
    `${detail}; ${formatGb(wantedMemoryBytes)} are advised`,
    "Stop what is not needed, or use a larger machine.",
  );
}

/** `setting` is the flag that chooses the port: `--http-port`. */
export function portCheck(setting: string, port: number, state: PortState): Check {
  const name = `port ${port}`;
  const other = `Choose another with: paas up ${setting} PORT`;
  if (state.kind === "free") return ok(name, "free");
  if (state.kind === "denied") {
    return problem(
      name,
      "is not open to this user",
      `${other}, or as root: sysctl net.ipv4.ip_unprivileged_port_start=${port}`,
    );
  }
  return state.own
    ? ok(name, "held by this paas")
    : problem(name, `is held by ${state.by}`, `Stop that, or choose another: paas up ${setting} PORT`);
}

/** `id` of the stack, undefined when it is missing; `engineUp` tells whether one could look. */
export function stackCheck(id: string | undefined, engineUp: boolean): Check {
  if (id !== undefined) return ok("stack", `debian-13 (${id})`);
  return fixable("stack", engineUp ? "debian-13 is not made yet" : "debian-13 needs the engine first");
}

function ok(name: string, detail: string): Check {
  return { name, state: "ok", detail, hint: "", blocking: false };
}

function problem(name: string, detail: string, hint: string, blocking = false): Check {
  return { name, state: "problem", detail, hint, blocking };
}

function fixable(name: string, detail: string): Check {
  return { name, state: "fixable", detail, hint: "paas doctor --fix", blocking: true };
}

const formatGb = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
