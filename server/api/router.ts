/** What the router is doing, as `paas router` shows it. Counted since each of its workers started. */
export interface RouterView {
  readonly pid: number;
  readonly httpPort: number;
  readonly workers: number;
  /** Memory of each worker. */
  readonly rssBytes: readonly number[];
  readonly requests: number;
  readonly inFlight: number;
  /** Code → answers that the router gave itself. */
  readonly failures: Readonly<Record<string, number>>;
  readonly cache: { readonly entries: number; readonly bytes: number };
  readonly apps: readonly AppTrafficView[];
  readonly instances: readonly RoutedInstanceView[];
}

export interface AppTrafficView {
  readonly app: string;
  readonly requests: number;
  /** Over the last minute. */
  readonly perSecond: number;
  readonly inFlight: number;
  /** `2xx` → answers. */
  readonly answers: Readonly<Record<string, number>>;
  /** From the head of the request to the end of the answer, ms, estimated from classes; undefined without requests. */
  readonly p50Ms: number | undefined;
  readonly p95Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export interface RoutedInstanceView {
  readonly app: string;
  readonly name: string;
  readonly address: string;
  readonly container: string;
  readonly inFlight: number;
}

export interface RouterPort {
  /** @throws AppError ROUTER_UNAVAILABLE */
  status(): Promise<RouterView>;
  /** The same in Prometheus' text format. */
  metrics(): Promise<string>;
}
