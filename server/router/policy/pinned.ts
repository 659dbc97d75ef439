import type { RequestHead } from "../middleware.ts";
import type { TableRoute, Target } from "../protocol.ts";

/** Fields by which a client asks for one instance. They never reach the app. */
export const instanceFields = ["x-cf-app-instance", "x-cf-process-instance", "x-paas-instance"] as const;

export type Pinned =
  | { readonly kind: "none" }
  | { readonly kind: "invalid" }
  | { readonly kind: "unknown" }
  | { readonly kind: "target"; readonly target: Target };

/**
 * `X-CF-App-Instance: GUID:INDEX`, `X-CF-Process-Instance: GUID[:INDEX]` (indexes from 0; the GUID is that of
 * `VCAP_APPLICATION`, or the app's name) or `X-Paas-Instance: web.1`. The app's field wins over the process's.
 */
export function pinnedTarget(head: RequestHead, route: TableRoute, targets: readonly Target[]): Pinned {
  const [app, process, own] = instanceFields.map((name) => head.header(name)?.trim());
  if (app !== undefined) return byIndex(app, true, route, targets);
  if (process !== undefined) return byIndex(process, false, route, targets);
  if (own === undefined) return { kind: "none" };
  if (!/^[A-Za-z0-9_-]+\.[1-9]\d{0,4}$/.test(own)) return { kind: "invalid" };
  return found(targets.filter((target) => target.name === own));
}

function byIndex(raw: string, isIndexNeeded: boolean, route: TableRoute, targets: readonly Target[]): Pinned {
  const [, guid, index] = /^([A-Za-z0-9-]+)(?::(\d{1,5}))?$/.exec(raw) ?? [];
  if (guid === undefined || (index === undefined && isIndexNeeded)) return { kind: "invalid" };
  const ofApp = targets.filter((target) => [route.app, route.appId, target.app, target.appId].includes(guid));
  const wanted = index === undefined ? ofApp : ofApp.filter((target) => indexOf(target) === Number(index));
  return found(wanted);
}

function indexOf(target: Target): number {
  return Number(target.name.slice(target.name.lastIndexOf(".") + 1)) - 1;
}

function found([target]: readonly Target[]): Pinned {
  return target === undefined ? { kind: "unknown" } : { kind: "target", target };
}
