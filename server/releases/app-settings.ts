import { z } from "zod";
import type { AppId } from "../core/ids.ts";
import type { Strategy } from "../core/types.ts";
import type { AppSettingsStore } from "../store/app-settings.ts";
import type { Decided, DecidedChecks } from "./formation.ts";

const keys = {
  /** Which sizes a person has decided. */
  formation: "formation.decided",
  /** Which checks a person has set. */
  checks: "checks.decided",
  /** Names of config vars that app.json has given before. */
  variables: "app-json.variables",
  /** True when the script of the first deploy has succeeded. */
  firstDeploy: "app-json.first-deploy",
  strategy: "deploy.strategy",
} as const;

const listed = z.record(z.string(), z.array(z.string()));
const sizes = z.record(z.string(), z.array(z.enum(["count", "memory"])));

/** What people have decided by hand, which a repository's app.json does not take back. */
export function decisions(store: AppSettingsStore, appId: AppId) {
  const formation = (): Decided => store.get(appId, keys.formation, sizes) ?? {};
  const checks = (): DecidedChecks => store.get(appId, keys.checks, listed) ?? {};
  const given = (): readonly string[] => store.get(appId, keys.variables, z.array(z.string())) ?? [];
  return {
    formation,
    checks,
    given,
    decideSize(type: string, what: "count" | "memory"): void {
      store.set(appId, keys.formation, { ...formation(), [type]: union(formation()[type], [what]) });
    },
    decideChecks(type: string, fields: readonly string[]): void {
      store.set(appId, keys.checks, { ...checks(), [type]: union(checks()[type], fields) });
    },
    give: (names: readonly string[]): void => store.set(appId, keys.variables, union(given(), names)),
    isFirstDone: (): boolean => store.get(appId, keys.firstDeploy, z.boolean()) ?? false,
    firstDone: (): void => store.set(appId, keys.firstDeploy, true),
  };
}

/** How one generation takes the place of another. */
export function strategyOf(store: Pick<AppSettingsStore, "get">, appId: AppId): Strategy {
  return store.get(appId, keys.strategy, z.enum(["rolling", "recreate"])) ?? "rolling";
}

export function setStrategy(store: AppSettingsStore, appId: AppId, strategy: Strategy): void {
  store.set(appId, keys.strategy, strategy);
}

function union<T>(known: readonly T[] | undefined, more: readonly T[]): readonly T[] {
  return [...new Set([...(known ?? []), ...more])];
}
