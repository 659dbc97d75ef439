import type { FailureAnswer, FailureCode } from "../failures.ts";
import type { AnswerHook, Middleware, RequestHead } from "../middleware.ts";
import type { Policy } from "../policy.ts";
import type { TableRoute, Target } from "../protocol.ts";

/** A route's policy as the data path uses it. Every part may be left out. */
export interface CompiledPolicy {
  /** Asked in order before an instance is chosen. They may take their time. */
  readonly middlewares: readonly Middleware[];
  readonly times?: Partial<Pick<Policy, "connectTimeoutMs" | "firstByteTimeoutMs" | "idleTimeoutMs">>;
  /** For the whole of a request. */
  readonly requestMs?: number;
  /** In place of round robin. */
  readonly picker?: Picker;
  /** Of a request's body; more is refused with 413, at once where the length is told beforehand. */
  readonly maxBodyBytes?: number;
  /** The answer to a failure in place of the router's own; undefined leaves it at that. */
  readonly renderFailure?: (code: FailureCode, head: RequestHead) => FailureAnswer | undefined;
  /** How requests reach the instances. */
  readonly instanceProtocol?: "http1" | "h2c";
  /** The route has left the table, or has another policy now. Requests that have begun still use this one. */
  readonly dispose?: () => void;
}

/** What a picker chooses from: never one that was tried, and those that lately refused only when no other is left. */
export interface Candidates {
  readonly route: TableRoute;
  readonly targets: readonly Target[];
  /** Ids of those that this request has tried. */
  readonly tried: ReadonlySet<string>;
  /** When the request came, of `performance.now()`. */
  readonly arrivedAt: number;
  /** Requests under way to a target in this worker. */
  inFlight(targetId: string): number;
}

export type Picked =
  /** `onEnd` when the instance has done its part. */
  | { readonly kind: "target"; readonly target: Target; readonly onAnswer?: AnswerHook; readonly onEnd?: () => void }
  | { readonly kind: "none"; readonly code: FailureCode }
  /**
   * The request has to wait. After `until` the route is looked up anew, for the table may be another by then, and its
   * picker is asked again. `leave` when the client does not wait that long.
   */
  | { readonly kind: "wait"; readonly until: Promise<void>; readonly leave: () => void };

/** Chooses the instance: hold, least connections, sticky sessions, limits with a queue. */
export interface Picker {
  /** Undefined when none is fit. Also asked where there are no targets: a hold waits for them. */
  pick(head: RequestHead, candidates: Candidates): Picked | undefined;
}
