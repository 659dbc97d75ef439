import type { AppId } from "../core/ids.ts";
import type { Route } from "../core/types.ts";
import type { RouterControl, TableRoute } from "../router/protocol.ts";
import type { RoutedInstance, Routing, ServingState } from "../scheduler/ports.ts";

interface Serving {
  readonly targets: readonly RoutedInstance[];
  readonly state: ServingState;
}

export interface PublisherDeps {
  readonly control: () => RouterControl;
  readonly routes: () => readonly Route[];
  readonly appName: (appId: AppId) => string | undefined;
  /** Routes of the platform itself, e.g. the API at `paas.<domain>`. */
  readonly own: () => readonly TableRoute[];
}

/** Holds what each app serves and pushes the whole table to the router, one push at a time, newest state last. */
export class RoutePublisher implements Routing {
  readonly #deps: PublisherDeps;
  readonly #serving = new Map<AppId, Serving>();
  #queue: Promise<void> = Promise.resolve();
  #isHeld = true;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
  }

  targets(appId: AppId): readonly RoutedInstance[] {
    return this.#serving.get(appId)?.targets ?? [];
  }

  /** Known from before this daemon; not pushed until `release`. */
  seed(appId: AppId, targets: readonly RoutedInstance[], state: ServingState): void {
    this.#serving.set(appId, { targets, state });
  }

  /** Ends the hold at start-up: from now on tables are pushed. */
  async release(signal: AbortSignal): Promise<void> {
    this.#isHeld = false;
    await this.refresh(signal);
  }

  async publish(
    appId: AppId,
    targets: readonly RoutedInstance[],
    state: ServingState,
    signal: AbortSignal,
  ): Promise<void> {
    const before = this.#serving.get(appId);
    this.#serving.set(appId, { targets, state });
    try {
      await this.refresh(signal);
    } catch (err) {
      // Not applied: what was routed still is, as far as anybody knows, so nothing of it may be drained yet.
      if (before) this.#serving.set(appId, before);
      else this.#serving.delete(appId);
      throw err;
    }
  }

  async drain(containerId: string, deadlineMs: number, signal: AbortSignal): Promise<void> {
    await this.#deps.control().drain([containerId], deadlineMs, signal);
  }

  forget(appId: AppId): void {
    this.#serving.delete(appId);
  }

  /** Pushes the table as it is now. Resolves when the router has applied it. */
  refresh(signal: AbortSignal): Promise<void> {
    if (this.#isHeld) return Promise.resolve();
    const push = this.#queue.then(() => this.#deps.control().apply(this.table(), signal));
    this.#queue = push.catch(() => undefined);
    return push;
  }

  table(): readonly TableRoute[] {
    return [...this.#deps.own(), ...this.#deps.routes().map((route) => this.#row(route))];
  }

  #row(route: Route): TableRoute {
    const serving = route.appId === undefined ? undefined : this.#serving.get(route.appId);
    const targets = (serving?.targets ?? [])
      .filter((target) => target.type === route.type)
      .map((target) => ({ id: target.id, name: target.name, host: target.address, port: route.port ?? target.port }));
    return {
      host: route.host,
      path: route.path,
      app: route.appId === undefined ? undefined : this.#deps.appName(route.appId),
      state: targets.length === 0 && serving?.state === "running" ? "stopped" : (serving?.state ?? "blank"),
      targets,
    };
  }
}
