import { randomBytes, scrypt } from "node:crypto";
import { z } from "zod";
import type { RoutePoliciesPort, RouteInfo, ShownPolicy } from "../api/route-policies.ts";
import type { RouteRequest, RouteView } from "../api/platform.ts";
import { AppError } from "../core/errors.ts";
import type { AppId } from "../core/ids.ts";
import type { Clock } from "../core/time.ts";
import type { App, Route, RouteShare } from "../core/types.ts";
import type { BasicUser, Page, RoutePolicy } from "../router/policy/route-policy.ts";
import { page, policyChange, policyParts, type PolicyChange } from "./policy-schema.ts";

export interface PoliciesDeps {
  readonly store: {
    all(): ReadonlyMap<string, RoutePolicy>;
    get(routeId: string): RoutePolicy | undefined;
    set(routeId: string, policy: RoutePolicy | undefined): void;
  };
  readonly settings: {
    get<T>(id: AppId, key: string, schema: z.ZodType<T>): T | undefined;
    set(id: AppId, key: string, value: unknown): void;
  };
  readonly shares: { list(): readonly RouteShare[] };
  readonly apps: { get(name: string): App; getById(id: AppId): App | undefined };
  readonly find: (request: RouteRequest) => { readonly route: Route; readonly view: RouteView };
  readonly changed: () => Promise<void>;
  readonly purge: (route: { readonly host: string; readonly path: string; readonly below?: string }) => Promise<number>;
  readonly now: Clock;
}

export interface RoutePolicies extends RoutePoliciesPort {
  /** All of a table at once: what each route does, settings of its app included. */
  compile(): (route: Route) => RoutePolicy | undefined;
}

const settingsKey = "routing";
/** Of an app, for all its routes. */
const appRouting = z.object({
  maintenance: z.boolean().optional(),
  maintenancePage: page.optional(),
  errorPages: z.record(z.string(), page).optional(),
  heldUntil: z.number().optional(),
});
type AppRouting = z.output<typeof appRouting>;

const maxPagesBytes = 256 * 1024;
const maxHoldMs = 600_000;
const pageCode = /^(?:H[0-9]{2}|[45][0-9]{2}|4xx|5xx|default)$/;

export function createRoutePolicies(deps: PoliciesDeps): RoutePolicies {
  // Read whenever a table is published, for all apps.
  const known = new Map<AppId, AppRouting>();
  const routingOf = (appId: AppId): AppRouting => {
    const routing = known.get(appId) ?? deps.settings.get(appId, settingsKey, appRouting) ?? {};
    known.set(appId, routing);
    return routing;
  };
  const change = async (app: App, news: AppRouting): Promise<AppRouting> => {
    const routing = { ...routingOf(app.id), ...news };
    deps.settings.set(app.id, settingsKey, routing);
    known.set(app.id, routing);
    await deps.changed();
    return routing;
  };
  const isHeld = ({ heldUntil }: AppRouting) => heldUntil !== undefined && heldUntil > deps.now();

  const infoOf = (request: RouteRequest): RouteInfo => {
    const { route, view } = deps.find(request);
    const routing = route.appId === undefined ? {} : routingOf(route.appId);
    const shares = deps.shares.list().filter((share) => share.routeId === route.id);
    return {
      ...view,
      policy: shown(deps.store.get(route.id) ?? {}),
      maintenance: routing.maintenance === true,
      heldUntil: isHeld(routing) ? routing.heldUntil : undefined,
      shares: shares.map(({ appId, type, weight }) => ({ appName: deps.apps.getById(appId)?.name, type, weight })),
    };
  };

  return {
    compile() {
      const stored = deps.store.all();
      const apps = new Map<AppId, RoutePolicy>();
      const ofApp = (appId: AppId): RoutePolicy => {
        const policy = apps.get(appId) ?? appPolicy(routingOf(appId), deps.now());
        apps.set(appId, policy);
        return policy;
      };
      return (route) => {
        const policy = { ...stored.get(route.id), ...(route.appId === undefined ? {} : ofApp(route.appId)) };
        return Object.keys(policy).length === 0 ? undefined : policy;
      };
    },

    info: infoOf,

    async set(_actor, request, given, unset) {
      const { route } = deps.find(request);
      const unknown = unset.find((name) => !policyParts.some((part) => part === name));
      if (unknown !== undefined) invalid(`There is no setting "${unknown}"`);
      const parsed = policyChange.safeParse(given);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const why = issue?.code === "invalid_key" ? issue.issues[0]?.message : issue?.message;
        invalid(`${issue?.path.join(".") ?? ""}: ${why ?? "it is not right"}`);
      }
      const before = deps.store.get(route.id) ?? {};
      const kept = Object.fromEntries(Object.entries(before).filter(([part]) => !unset.includes(part)));
      const policy = { ...kept, ...(await prepared(parsed.data, before)) } as RoutePolicy;
      deps.store.set(route.id, Object.keys(policy).length === 0 ? undefined : policy);
      await deps.changed();
      return infoOf(request);
    },

    async purge(_actor, request, below) {
      const { host, path } = deps.find(request).route;
      return await deps.purge({ host, path, ...(below === undefined ? {} : { below }) });
    },

    maintenance: (name) => maintenanceView(routingOf(deps.apps.get(name).id)),

    async setMaintenance(_actor, name, on, given) {
      const news = given === undefined ? {} : { maintenancePage: given === null ? undefined : checkedPage(given) };
      return maintenanceView(await change(deps.apps.get(name), { maintenance: on, ...news }));
    },

    errorPages: (name) => routingOf(deps.apps.get(name).id).errorPages ?? {},

    async setErrorPage(_actor, name, code, given) {
      if (!pageCode.test(code)) invalid(`"${code}" is no code of a failure`);
      const app = deps.apps.get(name);
      const { [code]: _before, ...others } = routingOf(app.id).errorPages ?? {};
      const errorPages = given === undefined ? others : { ...others, [code]: checkedPage(given) };
      if (JSON.stringify(errorPages).length > maxPagesBytes) invalid("All pages of an app together are 256 KB at most");
      await change(app, { errorPages });
    },

    async hold(_actor, name, forMs) {
      if (forMs !== undefined && (forMs < 1 || forMs > maxHoldMs)) invalid("Requests can be held for 600 s at most");
      const heldUntil = forMs === undefined ? undefined : deps.now() + forMs;
      await change(deps.apps.get(name), { heldUntil });
      return heldUntil;
    },
  };
}

function invalid(what: string): never {
  throw new AppError("ROUTE_POLICY_INVALID", { what });
}

function checkedPage(given: Page): Page {
  const parsed = page.safeParse(given);
  if (!parsed.success) invalid("A page is HTML of 64 KB at most, or an address that begins with http:// or https://");
  return parsed.data;
}

function appPolicy(routing: AppRouting, now: number): RoutePolicy {
  const { maintenance, maintenancePage, errorPages, heldUntil } = routing;
  return {
    ...(maintenance === true && { maintenance: maintenancePage === undefined ? {} : { page: maintenancePage } }),
    ...(errorPages !== undefined && Object.keys(errorPages).length > 0 && { errorPages }),
    ...(heldUntil !== undefined && heldUntil > now && { hold: { until: heldUntil } }),
  };
}

function maintenanceView({ maintenance, maintenancePage }: AppRouting) {
  return { on: maintenance === true, page: maintenancePage };
}

/** Secrets as they are stored, and keys that nobody has to choose. */
async function prepared(change: PolicyChange, before: RoutePolicy): Promise<Partial<RoutePolicy>> {
  const { basicAuth, oidc, routeService, timeouts, https, ...plain } = change;
  const key = () => randomBytes(32).toString("base64");
  return {
    ...(plain as Partial<RoutePolicy>),
    ...(timeouts && { timeouts: { ...before.timeouts, ...timeouts } as NonNullable<RoutePolicy["timeouts"]> }),
    ...(https && { https: { ...before.https, ...https } as NonNullable<RoutePolicy["https"]> }),
    ...(basicAuth && { basicAuth: { users: await withUser(before.basicAuth?.users ?? [], basicAuth) } }),
    ...(oidc && { oidc: { ...oidc, cookieKey: before.oidc?.cookieKey ?? key() } }),
    ...(routeService && { routeService: { ...routeService, key: before.routeService?.key ?? key() } }),
  };
}

async function withUser(
  users: readonly BasicUser[],
  { name, password }: { readonly name: string; readonly password: string },
): Promise<readonly BasicUser[]> {
  return [...users.filter((user) => user.name !== name), { name, hash: await hashPassword(password) }];
}

const cost = { N: 16_384, r: 8, p: 1 };

/** `scrypt$N$r$p$salt$hash`, as the router checks it. */
export function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, cost, (err, hash) => {
      if (err === null) {
        resolve(["scrypt", cost.N, cost.r, cost.p, salt.toString("base64"), hash.toString("base64")].join("$"));
      } else reject(err);
    });
  });
}

function shown(policy: RoutePolicy): ShownPolicy {
  const { basicAuth, oidc, routeService, ...plain } = policy;
  const { clientSecret: _secret, cookieKey: _key, ...openOidc } = oidc ?? {};
  return {
    ...plain,
    ...(basicAuth && { basicAuth: { users: basicAuth.users.map((user) => user.name) } }),
    ...(oidc && { oidc: openOidc as NonNullable<ShownPolicy["oidc"]> }),
    ...(routeService && { routeService: { url: routeService.url } }),
  };
}
