import type { Config } from "../config/config.ts";
import { isAppError } from "../core/errors.ts";
import type { Output } from "../core/output.ts";
import { ensurePackages } from "./apt.ts";
import {
  type Check,
  diskCheck,
  engineCheck,
  gitCheck,
  memoryCheck,
  nodeCheck,
  type PortState,
  portCheck,
  stackCheck,
  storageCheck,
} from "./checks.ts";
import { type EngineDeps, ensureEngine } from "./engine.ts";
import type { EngineState, EngineUp } from "./engine-plan.ts";
import { type HostEngine, realHostDeps } from "./real-deps.ts";
import { ensureStack, findStack, type Stack, type StackDeps } from "./stack.ts";

const nameWidth = 18;

export type HostSettings = Pick<Config, "home" | "listen" | "httpPort" | "sshPort" | "apiPort"> & {
  readonly httpsPort?: number | undefined;
};

/** Everything that the preflight and the repair need of the machine. */
export interface HostDeps {
  readonly engine: EngineDeps;
  readonly stack: StackDeps;
  readonly settings: HostSettings;
  readonly nodeVersion: string;
  gitVersion(): Promise<string | undefined>;
  /** Free bytes where the folder is or would be; undefined when that cannot be known. */
  freeBytes(folder: string): Promise<number | undefined>;
  memory(): Promise<{ readonly totalBytes: number; readonly availableBytes: number }>;
  /** `home` is of the daemon whose own ports do not count as taken. */
  portState(address: string, port: number, home: string): Promise<PortState>;
}

export interface HostReport {
  readonly engine: EngineUp;
  readonly stack: Stack;
}

/** Looks at the machine and changes nothing. */
export async function checkHost(deps: HostDeps): Promise<readonly Check[]> {
  const [state, facts, git] = await Promise.all([deps.engine.probe(), deps.engine.facts(), deps.gitVersion()]);
  const up = state.kind === "up" ? state : undefined;
  const stack = up && (await findStack(deps.stack));
  const [disks, memory, ports] = await Promise.all([diskChecks(deps, state), deps.memory(), portChecks(deps)]);
  const storage = storageCheck(up?.storageDriver);
  return [
    nodeCheck(deps.nodeVersion),
    gitCheck(git, facts),
    engineCheck(state, facts),
    ...(storage === undefined ? [] : [storage]),
    stackCheck(stack?.id, up !== undefined),
    ...disks,
    memoryCheck(memory.totalBytes, memory.availableBytes),
    ...ports,
  ];
}

/**
 * Makes the machine ready: git, engine, stack; says on `out` only what it changes. A second caller waits for the first.
 * @throws ENGINE_MISSING, ENGINE_START_FAILED, PACKAGES_NEEDED, PACKAGES_FAILED, STACK_FAILED, HOST_BUSY
 */
export async function ensureHost(deps: HostDeps, out: Output, signal: AbortSignal): Promise<HostReport> {
  if ((await deps.gitVersion()) === undefined) await ensurePackages(deps.engine, ["git"], out, signal);
  const engine = await ensureEngine(deps.engine, out, signal);
  const stack = await ensureStack(deps.stack, out, signal);
  return { engine, stack };
}

export interface DoctorOptions {
  /** Put right what can be. */
  readonly fix: boolean;
  readonly out: Output;
  readonly engine: HostEngine;
  readonly settings: HostSettings;
  readonly signal: AbortSignal;
}

export interface DoctorReport {
  /** Nothing is left that keeps the platform from working; a taken port or a small disk is only shown. */
  readonly ready: boolean;
  readonly checks: readonly Check[];
}

/** `paas doctor`: repairs if asked to, then shows each check with its remedy. */
export async function runDoctor(options: DoctorOptions): Promise<DoctorReport> {
  const { out } = options;
  const deps = realHostDeps(options.engine, options.settings);
  if (options.fix) await repair(deps, out, options.signal);
  const checks = await checkHost(deps);
  out.step("Checking this machine");
  for (const check of checks) show(check, out);
  const blocking = checks.filter((check) => check.blocking);
  if (blocking.length === 0) out.result("this machine is ready");
  else out.problem(`not ready: ${blocking.map((check) => check.name).join(", ")}`);
  return { ready: blocking.length === 0, checks };
}

/** What could not be repaired is shown, and the checks then say the rest. */
async function repair(deps: HostDeps, out: Output, signal: AbortSignal): Promise<void> {
  try {
    await ensureHost(deps, out, signal);
  } catch (err) {
    if (!isAppError(err)) throw err;
    out.problem(err.message);
    out.problem(err.hint);
  }
}

function show(check: Check, out: Output): void {
  const line = `${check.name.padEnd(nameWidth)}${check.detail}`;
  if (check.state === "ok") return out.detail(line);
  out.problem(line);
  out.detail(`${" ".repeat(nameWidth)}${check.hint}`);
}

async function diskChecks(deps: HostDeps, state: EngineState): Promise<readonly Check[]> {
  const { home } = deps.settings;
  const folders: (readonly [string, string])[] = [["disk of the home", home]];
  if (state.kind === "up" && state.isLocal) folders.push(["engine's disk", state.dataDir]);
  const checks = await Promise.all(
    folders.map(async ([name, folder]) => {
      const free = await deps.freeBytes(folder);
      return free === undefined ? [] : [diskCheck(name, folder, free)];
    }),
  );
  return checks.flat();
}

async function portChecks(deps: HostDeps): Promise<readonly Check[]> {
  const { home, listen, httpPort, httpsPort, sshPort, apiPort } = deps.settings;
  const wanted = [
    ["--http-port", listen, httpPort],
    ...(httpsPort === undefined ? [] : [["--https-port", listen, httpsPort] as const]),
    ["--ssh-port", listen, sshPort],
    ["--api-port", "127.0.0.1", apiPort],
  ] as const;
  const fixed = wanted.filter(([, , port]) => port !== 0);
  return Promise.all(
    fixed.map(async ([setting, address, port]) => portCheck(setting, port, await deps.portState(address, port, home))),
  );
}
