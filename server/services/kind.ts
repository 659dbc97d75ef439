import { randomBytes } from "node:crypto";
import type { Offering } from "../api/platform.ts";
import type { ServiceInstance } from "../core/types.ts";
import type { ContainerSpec, ExecRequest, ExecResult } from "./ports.ts";

export type Plan = Offering["plans"][number];
export type Secret = Readonly<Record<string, unknown>>;

/** What one binding signs in with. */
export interface Account {
  readonly username: string;
  readonly password: string;
}

/** A running service and a way to run commands in it. */
export interface Target {
  readonly service: ServiceInstance;
  readonly secret: Secret;
  exec(request: ExecRequest): Promise<ExecResult>;
}

/** What the platform must know of one offering. To add one, write this and a folder of `images/`. */
export interface ServiceKind {
  readonly offering: Offering;
  /** Tags in VCAP_SERVICES, by which client libraries find it. */
  readonly tags: readonly string[];
  /** Variable of the first binding of its kind. */
  readonly envName: string;
  /** Folder of the image's Dockerfile. */
  readonly imageDir: string;
  /** Made once per service and kept sealed. */
  newSecret(): Secret;
  container(plan: Plan, secret: Secret): Pick<ContainerSpec, "args" | "env" | "tmpfs">;
  /** Why it does not answer a real request; undefined when it does. */
  problem(target: Target): Promise<string | undefined>;
  /** Makes the accounts that are missing and ends those that are not in the list, with their sessions. Idempotent. */
  syncAccess(target: Target, accounts: readonly Account[]): Promise<void>;
  credentials(service: ServiceInstance, account: Account): Readonly<Record<string, unknown>>;
}

/** A password that needs no quoting anywhere: letters, digits, `-` and `_`; 192 bits. */
export function newPassword(): string {
  return randomBytes(24).toString("base64url");
}

/** The name of the service in the network of its space. */
export function hostOf(service: Pick<ServiceInstance, "name">): string {
  return `${service.name}.service.internal`;
}

/** The account in a binding's credentials; undefined when there is none. */
export function accountOf(credentials: Readonly<Record<string, unknown>>): Account | undefined {
  const { username, password } = credentials;
  return typeof username === "string" && typeof password === "string" ? { username, password } : undefined;
}

export const plans: readonly Plan[] = [
  { name: "small", description: "256 MB of memory", memoryMb: 256 },
  { name: "medium", description: "512 MB of memory", memoryMb: 512 },
  { name: "large", description: "1 GB of memory", memoryMb: 1024 },
  { name: "xlarge", description: "2 GB of memory", memoryMb: 2048 },
];
