import type { Binding, ConfigVars, ServiceInstance } from "../core/types.ts";
import { stableGuid } from "./guid.ts";
import { kindOf } from "./kinds.ts";

export interface BoundService {
  readonly service: ServiceInstance;
  readonly binding: Binding;
}

/** One entry of VCAP_SERVICES, as Cloud Foundry documents it. */
export interface VcapService {
  readonly label: string;
  readonly provider?: null;
  readonly plan?: string | null;
  readonly name: string;
  readonly tags: readonly string[];
  readonly instance_guid: string;
  readonly instance_name: string;
  readonly binding_guid: string;
  readonly binding_name: null;
  readonly credentials: Readonly<Record<string, unknown>>;
  readonly syslog_drain_url: null;
  readonly volume_mounts: readonly [];
}

export interface ServiceEnvironment {
  /** One variable per binding that has a URL. */
  readonly env: ConfigVars;
  /** The object of VCAP_SERVICES: entries by label; `{}` when nothing is bound. */
  readonly vcapServices: Readonly<Record<string, readonly VcapService[]>>;
}

/** What an app's instances get for the services that it is bound to. */
export function toEnvironment(bound: readonly BoundService[]): ServiceEnvironment {
  const env: Record<string, string> = {};
  const vcapServices: Record<string, VcapService[]> = {};
  for (const { service, binding } of bound) {
    const url = urlOf(binding.credentials);
    if (binding.envName !== undefined && url !== undefined) env[binding.envName] = url;
    (vcapServices[service.offering] ??= []).push(toVcap(service, binding));
  }
  return { env, vcapServices };
}

/** The `uri` of the credentials, else their `url`. */
export function urlOf(credentials: Readonly<Record<string, unknown>>): string | undefined {
  for (const key of ["uri", "url"]) {
    const value = credentials[key];
    if (typeof value === "string" && value !== "") return value;
  }
  return undefined;
}

/**
 * Decides a binding's variable: the offering's own (`DATABASE_URL`) when it is free, else `<SERVICE_NAME>_URL`, else
 * that with a number. Undefined when the service has no URL.
 *
 * @param taken names of the app's other bindings
 */
export function chooseEnvName(
  service: Pick<ServiceInstance, "name" | "offering">,
  credentials: Readonly<Record<string, unknown>>,
  taken: ReadonlySet<string>,
): string | undefined {
  if (urlOf(credentials) === undefined) return undefined;
  const stem = service.name.toUpperCase().replaceAll("-", "_");
  const usual = kindOf(service.offering)?.envName;
  const candidates = usual === undefined ? [`${stem}_URL`] : [usual, `${stem}_URL`];
  const free = candidates.find((name) => !taken.has(name));
  if (free !== undefined) return free;
  let number = 2;
  while (taken.has(`${stem}_${number}_URL`)) number++;
  return `${stem}_${number}_URL`;
}

function toVcap(service: ServiceInstance, binding: Binding): VcapService {
  const kind = kindOf(service.offering);
  return {
    label: service.offering,
    ...(kind === undefined ? {} : { provider: null, plan: service.plan ?? null }),
    name: service.name,
    tags: kind?.tags ?? [],
    instance_guid: stableGuid("service", service.id),
    instance_name: service.name,
    binding_guid: stableGuid("binding", binding.id),
    binding_name: null,
    credentials: binding.credentials,
    syslog_drain_url: null,
    volume_mounts: [],
  };
}
