import type { AppName } from "../core/ids.ts";
import type { Actor } from "../core/types.ts";
import type { Page, RoutePolicy } from "../router/policy/route-policy.ts";
import type { RouteRequest, RouteView } from "./platform.ts";

/** What is shown of a policy: names in place of secrets. */
export type ShownPolicy = Omit<RoutePolicy, "basicAuth" | "oidc" | "routeService"> & {
  readonly basicAuth?: { readonly users: readonly string[] };
  readonly oidc?: Omit<NonNullable<RoutePolicy["oidc"]>, "clientSecret" | "cookieKey">;
  readonly routeService?: { readonly url: string };
};

export interface RouteInfo extends RouteView {
  readonly policy: ShownPolicy;
  /** Of the app that holds the route. */
  readonly maintenance: boolean;
  /** Requests wait until then, ms since the epoch. */
  readonly heldUntil: number | undefined;
  readonly shares: readonly { readonly appName: AppName | undefined; readonly type: string; readonly weight: number }[];
}

export interface MaintenanceView {
  readonly on: boolean;
  readonly page: Page | undefined;
}

/** How routes treat requests beside forwarding them. Resolves when the router does so. */
export interface RoutePoliciesPort {
  info(route: RouteRequest): RouteInfo;
  /** Whole parts are replaced; a user of basic auth is added. @throws AppError ROUTE_POLICY_INVALID naming what is wrong */
  set(
    actor: Actor,
    route: RouteRequest,
    change: Readonly<Record<string, unknown>>,
    unset: readonly string[],
  ): Promise<RouteInfo>;
  /** Forgets stored answers, below the path where one is given. Answers how many. */
  purge(actor: Actor, route: RouteRequest, below: string | undefined): Promise<number>;
  maintenance(name: AppName): MaintenanceView;
  /** A page of undefined leaves it as it is. */
  setMaintenance(actor: Actor, name: AppName, on: boolean, page: Page | null | undefined): Promise<MaintenanceView>;
  errorPages(name: AppName): Readonly<Record<string, Page>>;
  setErrorPage(actor: Actor, name: AppName, code: string, page: Page | undefined): Promise<void>;
  /** Requests of the app wait so long, or no longer at all. Answers until when, ms since the epoch. */
  hold(actor: Actor, name: AppName, forMs: number | undefined): Promise<number | undefined>;
}
