import type { Middleware } from "../middleware.ts";
import type { TableRoute } from "../protocol.ts";
import { placeOf } from "../table-change.ts";
import { type Answers, createAnswers } from "./answers.ts";
import { basicAuth } from "./basic-auth.ts";
import { bodyLimit } from "./body-limit.ts";
import { responseCache } from "./cache/cache.ts";
import { chain } from "./chain.ts";
import type { CompiledPolicy } from "./compiled-policy.ts";
import { compress } from "./compress.ts";
import { forwardAuth } from "./forward-auth.ts";
import { requestHeaders, responseHeaders } from "./header-change.ts";
import { Hold, StartHold } from "./hold.ts";
import { httpsOnly } from "./https.ts";
import { ipFilter } from "./ip-filter.ts";
import { maintenance } from "./maintenance.ts";
import { oidc } from "./oidc/oidc.ts";
import { createPicker } from "./picker.ts";
import { instanceFields } from "./pinned.ts";
import { rateLimit } from "./rate-limit.ts";
import { redirects } from "./redirects.ts";
import { rewrite } from "./rewrite.ts";
import { RouteServiceGate } from "./route-service.ts";
import type { RoutePolicy } from "./route-policy.ts";
import { PolicyState } from "./state.ts";

/** As Heroku's router waits for a dyno. */
export const defaultStartMs = 75_000;

/** Of this worker. */
export const workerState = new PolicyState();

/**
 * Makes a route's policy ready for use; undefined when the route has none: it then costs nothing. Called when a table is
 * applied, for each route whose policy is another than before.
 */
export function compilePolicy(
  route: TableRoute,
  _before?: CompiledPolicy,
  state: PolicyState = workerState,
): CompiledPolicy | undefined {
  const { policy } = route;
  const isPlain = policy === undefined && !isShared(route) && !isStarting(route);
  return isPlain ? undefined : compiled(route, policy ?? {}, state);
}

/** Several apps answer it. */
export function isShared({ targets }: TableRoute): boolean {
  return targets.some((target) => target.share !== undefined);
}

/** Its first instance is on its way: requests wait for it. */
export function isStarting({ state, targets }: TableRoute): boolean {
  return state === "starting" && targets.length === 0;
}

/** For requests that name an instance on a route without policy. */
export function pinnedPolicy(state: PolicyState = workerState): CompiledPolicy {
  return {
    middlewares: [dropInstanceFields],
    picker: createPicker({}, { slots: state.slots, hold: undefined, service: undefined, workers: 1 }),
  };
}

function compiled(route: TableRoute, policy: RoutePolicy, state: PolicyState): CompiledPolicy {
  const answers = createAnswers(policy.errorPages, policy.maintenance?.page);
  const hold = policy.hold && new Hold(policy.hold.until);
  const { connectMs, firstByteMs, idleMs, startMs, requestMs } = policy.timeouts ?? {};
  const start = isStarting(route) ? new StartHold(startMs ?? defaultStartMs) : undefined;
  const service = policy.routeService && new RouteServiceGate(policy.routeService);
  const outer = outerMiddlewares(route, policy, state, answers);
  const inner = innerMiddlewares(route, policy);
  return {
    // As one: the data path has a single edit and a single hook to carry out.
    middlewares: [{ name: "policy", request: requestHook(outer, inner, service?.middleware(answers), service) }],
    times: {
      ...(connectMs === undefined ? {} : { connectTimeoutMs: connectMs }),
      ...(firstByteMs === undefined ? {} : { firstByteTimeoutMs: firstByteMs }),
      ...(idleMs === undefined ? {} : { idleTimeoutMs: idleMs }),
    },
    ...(requestMs === undefined ? {} : { requestMs }),
    picker: createPicker(policy, { slots: state.slots, hold, start, service, workers: state.workers }),
    ...(policy.maxBodyBytes === undefined ? {} : { maxBodyBytes: policy.maxBodyBytes }),
    ...(policy.errorPages === undefined ? {} : { renderFailure: (code, head) => answers.failure(code, head) }),
    ...(policy.protocol === undefined ? {} : { instanceProtocol: policy.protocol }),
    dispose() {
      hold?.release();
      start?.release();
      state.slots.wakeAll(placeOf(route));
    },
  };
}

/**
 * The order is that of a request's way in. The cache stands before what makes the answers that it keeps, and behind
 * all that may refuse; header changes for the client stand before everything, so that they apply to all answers.
 */
function outerMiddlewares(
  route: TableRoute,
  policy: RoutePolicy,
  state: PolicyState,
  answers: Answers,
): readonly Middleware[] {
  const key = placeOf(route);
  const list: (Middleware | undefined)[] = [
    policy.https && httpsOnly(policy.https),
    dropInstanceFields,
    policy.responseHeaders && responseHeaders(policy.responseHeaders),
    policy.ipAllow || policy.ipDeny ? ipFilter(policy.ipAllow ?? [], policy.ipDeny ?? [], answers) : undefined,
    policy.maintenance && maintenance(answers),
    policy.redirects && redirects(policy.redirects),
    policy.rateLimit &&
      rateLimit(policy.rateLimit, state.limiter(`${key}\n${JSON.stringify(policy.rateLimit)}`), answers),
    policy.maxBodyBytes === undefined ? undefined : bodyLimit(policy.maxBodyBytes, answers),
    policy.basicAuth && basicAuth(policy.basicAuth.users, policy.basicAuth.realm ?? route.host, answers),
    policy.forwardAuth && forwardAuth(policy.forwardAuth, answers),
    policy.oidc && oidc(policy.oidc, route.path, answers),
    policy.cache &&
      responseCache({
        ...policy.cache,
        store: state.cache,
        route: key,
        isPrivate: (policy.basicAuth ?? policy.forwardAuth ?? policy.oidc) !== undefined,
        answers,
      }),
    policy.compress ? compress() : undefined,
  ];
  return list.filter((one) => one !== undefined);
}

/** What only a request for the app itself meets. */
function innerMiddlewares(route: TableRoute, policy: RoutePolicy): readonly Middleware[] {
  const list: (Middleware | undefined)[] = [
    policy.stripPrefix || policy.rewrites
      ? rewrite(policy.stripPrefix ? route.path : "/", policy.rewrites ?? [])
      : undefined,
    policy.requestHeaders && requestHeaders(policy.requestHeaders),
  ];
  return list.filter((one) => one !== undefined);
}

/** A request that comes back from a route service has met the outer ones on its way there. */
function requestHook(
  outer: readonly Middleware[],
  inner: readonly Middleware[],
  serviceStep: Middleware | undefined,
  service: RouteServiceGate | undefined,
): Middleware["request"] {
  if (service === undefined || serviceStep === undefined) return chain([...outer, ...inner]);
  const out = chain([...outer, serviceStep]);
  const back = chain([dropInstanceFields, serviceStep, ...inner]);
  return (head) => (service.legOf(head) === "back" ? back(head) : out(head));
}

const dropInstanceFields: Middleware = {
  name: "instance-fields",
  request: () => ({ kind: "pass", edit: { remove: instanceFields } }),
};
