import type { App, ConfigVars, Droplet, Release } from "../core/types.ts";

export interface EnvironmentInput {
  readonly app: App;
  readonly release: Pick<Release, "version" | "config" | "commit" | "createdAt">;
  readonly droplet: Pick<Droplet, "env">;
  /** From service bindings: URLs and VCAP_SERVICES. */
  readonly bindingEnv: ConfigVars;
  readonly uris: readonly string[];
  readonly memoryMb: number;
  readonly type: string;
}

/** What every process of a release gets. Config vars win over all but PORT, which is added per instance. */
export function environmentOf(input: EnvironmentInput): ConfigVars {
  const { app, release, droplet, bindingEnv } = input;
  return {
    ...droplet.env,
    PAAS_APP: app.name,
    PAAS_RELEASE: `v${release.version}`,
    PAAS_SPACE: app.space,
    SOURCE_VERSION: release.commit,
    VCAP_APPLICATION: JSON.stringify(vcapApplication(input)),
    VCAP_SERVICES: "{}",
    ...bindingEnv,
    ...release.config,
  };
}

/** As Cloud Foundry documents it; real apps read the doubled names too. */
function vcapApplication({ app, release, uris, memoryMb, type }: EnvironmentInput): object {
  return {
    application_id: app.id,
    application_name: app.name,
    name: app.name,
    application_uris: uris,
    uris,
    space_id: app.space,
    space_name: app.space,
    organization_id: "paas",
    organization_name: "paas",
    process_type: type,
    limits: { mem: memoryMb, fds: 16_384 },
    users: null,
    version: `v${release.version}`,
    application_version: `v${release.version}`,
    started_at_timestamp: release.createdAt,
  };
}

const reserved = new Set(["PORT", "DYNO"]);
const keyPattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What is wrong with the name of a config var, undefined when nothing is. */
export function configKeyProblem(key: string): "CONFIG_KEY_INVALID" | "CONFIG_KEY_RESERVED" | undefined {
  if (!keyPattern.test(key) || key.length > 256) return "CONFIG_KEY_INVALID";
  return reserved.has(key) ? "CONFIG_KEY_RESERVED" : undefined;
}

/** All config vars of an app together, bytes: the environment of a process has a limit of its own. */
export const configLimitBytes = 64 * 1024;

export function configSizeBytes(config: ConfigVars): number {
  return Object.entries(config).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value) + 2,
    0,
  );
}

/** `undefined` unsets. */
export function applyChange(config: ConfigVars, change: Readonly<Record<string, string | undefined>>): ConfigVars {
  const merged = Object.entries({ ...config, ...change }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return Object.fromEntries(merged);
}
