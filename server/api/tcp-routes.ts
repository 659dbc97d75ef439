import type { AppName } from "../core/ids.ts";
import type { Actor, TcpRoute } from "../core/types.ts";

export interface TcpRouteView extends TcpRoute {
  readonly appName: AppName | undefined;
  /** Why nobody listens there; undefined when it works. */
  readonly problem: string | undefined;
}

export interface TcpRouteRequest {
  readonly listenPort: number;
  readonly type?: string | undefined;
  readonly port?: number | undefined;
  readonly proxyProtocol?: "v1" | "v2" | undefined;
}

/** Ports of the machine whose connections go to an app as they are. */
export interface TcpRoutesPort {
  list(): Promise<readonly TcpRouteView[]>;
  /** Without an app the port is reserved. @throws AppError TCP_PORT_TAKEN */
  set(actor: Actor, name: AppName | undefined, request: TcpRouteRequest): Promise<TcpRouteView>;
  /** @throws AppError TCP_ROUTE_NOT_FOUND; ROUTE_NOT_MAPPED when it is another app's */
  unmap(actor: Actor, name: AppName, listenPort: number): Promise<void>;
  delete(actor: Actor, listenPort: number): Promise<void>;
}
