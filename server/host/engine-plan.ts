/** What answers at the engine's address. */
export type EngineState =
  | {
      readonly kind: "up";
      /** `20.10.24` */
      readonly version: string;
      /** `1.41` */
      readonly apiVersion: string;
      readonly storageDriver: string;
      /** The engine's data folder, on the engine's machine. */
      readonly dataDir: string;
      readonly isLocal: boolean;
    }
  /** Something is there, but this user may not talk to it. */
  | { readonly kind: "denied"; readonly address: string }
  | { readonly kind: "absent"; readonly address: string; readonly cause: string };

export type EngineUp = Extract<EngineState, { kind: "up" }>;

export interface HostFacts {
  readonly isRoot: boolean;
  /** Debian, Ubuntu or another one of their kind. */
  readonly isDebianLike: boolean;
  readonly engineInstalled: boolean;
  readonly systemd: boolean;
  readonly dockerHost: string | undefined;
}

export type EnginePlan =
  | { readonly kind: "use"; readonly engine: EngineUp }
  | { readonly kind: "install"; readonly start: StartWay }
  | { readonly kind: "start"; readonly start: StartWay }
  | { readonly kind: "manual"; readonly problem: string; readonly hint: string };

export type StartWay = "systemd" | "direct";

export const minimumApi = "1.41";
export const enginePackages = ["docker.io", "iptables", "ca-certificates"];

/** Decides how to get to an engine that can be used: use it, start it, install it, or say what a person must do. */
export function planEngine(state: EngineState, facts: HostFacts): EnginePlan {
  if (state.kind === "up") return isApiEnough(state.apiVersion) ? { kind: "use", engine: state } : tooOld(state);
  if (state.kind === "denied") return denied(state.address);
  const problem = `No container engine answers at ${state.address} (${state.cause}).`;
  const manual = (hint: string): EnginePlan => ({ kind: "manual", problem, hint });
  if (facts.dockerHost !== undefined) return manual("Start the engine that DOCKER_HOST names, or unset DOCKER_HOST.");
  const start: StartWay = facts.systemd ? "systemd" : "direct";
  if (facts.engineInstalled) {
    if (facts.isRoot) return { kind: "start", start };
    return manual(facts.systemd ? "Start it: sudo systemctl start docker" : "Start it as root: dockerd");
  }
  if (!facts.isDebianLike)
    return manual("Install Docker Engine 20.10 or newer: https://docs.docker.com/engine/install/");
  if (!facts.isRoot) return manual("Have it installed: sudo paas doctor --fix");
  return { kind: "install", start };
}

/** Compares `major.minor` as numbers. */
export function isApiEnough(apiVersion: string): boolean {
  const [major = 0, minor = 0] = apiVersion.split(".").map(Number);
  const [neededMajor = 0, neededMinor = 0] = minimumApi.split(".").map(Number);
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}

/** From the text of `/etc/os-release`. */
export function isDebianLike(osRelease: string): boolean {
  const ids = [...osRelease.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)"?$/gm)].flatMap((match) => (match[1] ?? "").split(" "));
  return ids.includes("debian") || ids.includes("ubuntu");
}

function tooOld(state: EngineUp): EnginePlan {
  return {
    kind: "manual",
    problem: `Docker Engine ${state.version} speaks API ${state.apiVersion}; ${minimumApi} is needed.`,
    hint: "Upgrade to Docker Engine 20.10 or newer.",
  };
}

function denied(address: string): EnginePlan {
  return {
    kind: "manual",
    problem: `This user may not use the container engine at ${address}.`,
    hint: 'Join its group and log in again: sudo usermod -aG docker "$USER"',
  };
}
