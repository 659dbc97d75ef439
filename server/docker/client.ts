import Docker from "dockerode";
import { AppError, messageOf } from "../core/errors.ts";

/** Every object that we make carries `paas.kind`; whatever belongs to one installation also carries `paas.home`. */
export const labels = {
  home: "paas.home",
  kind: "paas.kind",
  app: "paas.app",
  appName: "paas.app-name",
  cohort: "paas.cohort",
  version: "paas.version",
  type: "paas.type",
  index: "paas.index",
  crashes: "paas.crashes",
  port: "paas.port",
  task: "paas.task",
  build: "paas.build",
  service: "paas.service",
  layer: "paas.layer",
  stack: "paas.stack",
  packages: "paas.packages",
  space: "paas.space",
} as const;

export type ObjectKind =
  | "instance"
  | "task"
  | "build"
  | "service"
  | "stack"
  | "layer"
  | "system"
  | "droplet"
  | "network"
  | "cache";

/** Follows DOCKER_HOST, else the default socket. */
export function connectDocker(): Docker {
  return new Docker();
}

/** The HTTP status of an engine answer, undefined for anything else. */
export function statusOf(err: unknown): number | undefined {
  const status = err instanceof Error && "statusCode" in err ? err.statusCode : undefined;
  return typeof status === "number" ? status : undefined;
}

export function isStatus(err: unknown, ...statuses: number[]): boolean {
  const status = statusOf(err);
  return status !== undefined && statuses.includes(status);
}

/** True when nothing answered at the socket. */
export function isUnreachable(err: unknown): boolean {
  const code = err instanceof Error && "code" in err ? err.code : undefined;
  return code === "ECONNREFUSED" || code === "ENOENT" || code === "ECONNRESET" || code === "EPIPE" || code === "EACCES";
}

/** Turns an engine error into one of the catalogue, keeping the cause. */
export function engineError(action: string, err: unknown): AppError {
  if (err instanceof AppError) return err;
  if (isUnreachable(err)) return new AppError("ENGINE_UNAVAILABLE", { cause: messageOf(err) }, { cause: err });
  return new AppError("RUNTIME_FAILED", { action, cause: messageOf(err).replace(/\s+/g, " ").trim() }, { cause: err });
}
