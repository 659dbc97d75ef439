import { LineOutput } from "../../server/core/output.ts";
import type { EngineState, EngineUp, HostFacts } from "../../server/host/engine-plan.ts";
import type { EngineDeps } from "../../server/host/engine.ts";
import type { HostLock } from "../../server/host/lock.ts";
import type { Exec, ExecResult } from "../../server/host/ports.ts";

export const engineUp: EngineUp = {
  kind: "up",
  version: "20.10.24",
  apiVersion: "1.41",
  storageDriver: "overlay2",
  dataDir: "/var/lib/docker",
  isLocal: true,
};

/** Collects what was shown. */
export function recordedOutput(): { readonly out: LineOutput; readonly lines: string[] } {
  const lines: string[] = [];
  return { out: new LineOutput((line) => lines.push(line)), lines };
}

export const openLock: HostLock = {
  acquire: async () => ({ [Symbol.asyncDispose]: async () => {} }),
};

/** Answers by the first words of a command line; whatever is not named succeeds silently. */
export function scriptedExec(answers: Readonly<Record<string, Partial<ExecResult>>> = {}): {
  readonly exec: Exec;
  readonly ran: string[];
} {
  const ran: string[] = [];
  const exec: Exec = async (argv) => {
    const line = argv.join(" ");
    ran.push(line);
    const key = Object.keys(answers).find((start) => line.startsWith(start));
    return { code: 0, stdout: "", stderr: "", ...(key === undefined ? {} : answers[key]) };
  };
  return { exec, ran };
}

export interface FakeMachine extends EngineDeps {
  readonly ran: string[];
  readonly started: string[];
  readonly removed: string[];
}

export interface MachineScript {
  readonly facts?: Partial<HostFacts>;
  readonly answers?: Readonly<Record<string, Partial<ExecResult>>>;
  /** What each look at the engine finds; the last one stays. */
  readonly probes: readonly EngineState[];
  readonly daemonRuns?: boolean;
  readonly endsAtOnce?: boolean;
}

/** A machine that exists only as notes of what was done to it. */
export function fakeMachine(script: MachineScript): FakeMachine {
  const { exec, ran } = scriptedExec(script.answers);
  const started: string[] = [];
  const removed: string[] = [];
  let looks = 0;
  const facts: HostFacts = {
    isRoot: true,
    isDebianLike: true,
    engineInstalled: false,
    systemd: false,
    dockerHost: undefined,
    ...script.facts,
  };
  return {
    exec,
    ran,
    started,
    removed,
    isRoot: facts.isRoot,
    clock: () => 0,
    lock: openLock,
    probe: async () => script.probes[Math.min(looks++, script.probes.length - 1)] ?? engineUp,
    facts: async () => facts,
    startDetached: async (argv) => {
      started.push(argv.join(" "));
      return { hasEnded: () => script.endsAtOnce ?? false };
    },
    daemonRuns: async () => script.daemonRuns ?? false,
    removeFile: async (file) => void removed.push(file),
    lastLines: async () => ["failed to start daemon: no space left on device"],
  };
}
