import { connect, createServer, type Server, type Socket } from "node:net";
import type { Instance, Instances } from "../instances.ts";
import type { TcpTableRoute } from "../protocol.ts";
import { acceptProxied, plainAddress } from "./accept-proxied.ts";
import { encodeProxyHeader, type ProxyFacts } from "./proxy-protocol.ts";

export interface TcpOptions {
  readonly listen: string;
  /** Others may listen on the same port beside this. */
  readonly isShared: boolean;
  readonly instances: Instances;
  readonly connectTimeoutMs: number;
  /** While the first instance starts. */
  readonly startPatienceMs: number;
  /** When all refuse. */
  readonly refusedPatienceMs: number;
  /** Who connects from there says first for whom. */
  readonly isProxied: (socket: Socket) => boolean;
  /** Between the polite end of a connection and its cut. */
  readonly graceMs: number;
}

const lookAgainMs = 100;

/** Port → why nobody listens on it. */
export type TcpProblems = Readonly<Record<string, string>>;

/** Ports whose connections go to an app as they are. What is under way goes on when its route leaves the table. */
export class TcpListeners {
  readonly #options: TcpOptions;
  readonly #open = new Map<number, Listener>();
  readonly #problems = new Map<number, string>();
  #pending: Promise<unknown> = Promise.resolve();

  constructor(options: TcpOptions) {
    this.#options = options;
  }

  apply(routes: readonly TcpTableRoute[]): void {
    const wanted = new Map(routes.map((route) => [route.listenPort, route]));
    for (const [port, listener] of this.#open) {
      if (wanted.has(port)) continue;
      listener.close();
      this.#open.delete(port);
    }
    for (const port of this.#problems.keys()) if (!wanted.has(port)) this.#problems.delete(port);
    const opened = routes.map((route) => {
      const known = this.#open.get(route.listenPort);
      if (known === undefined) return this.#listen(route);
      known.route = route;
      return undefined;
    });
    this.#pending = Promise.all([this.#pending, ...opened]);
  }

  /** Resolves when each port of the table is open, or known not to be. */
  async settled(): Promise<void> {
    await this.#pending;
  }

  problems(): TcpProblems {
    return Object.fromEntries(this.#problems);
  }

  close(): void {
    for (const listener of this.#open.values()) listener.close();
    this.#open.clear();
  }

  async #listen(route: TcpTableRoute): Promise<void> {
    const port = route.listenPort;
    const listener = new Listener(route, this.#options);
    this.#open.set(port, listener);
    const problem = await listener.listen();
    if (problem === undefined) {
      this.#problems.delete(port);
      return;
    }
    this.#problems.set(port, problem);
    // Tried again with the next table.
    if (this.#open.get(port) === listener) this.#open.delete(port);
  }
}

class Listener {
  readonly #options: TcpOptions;
  readonly #server: Server;
  #turn = 0;
  route: TcpTableRoute;

  constructor(route: TcpTableRoute, options: TcpOptions) {
    this.route = route;
    this.#options = options;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      if (!options.isProxied(socket)) {
        new TcpConnection(socket, this, options).connect();
        return;
      }
      acceptProxied(socket, (said, rest) => {
        if (rest.length > 0) socket.unshift(rest);
        new TcpConnection(socket, this, options, said).connect();
      });
    });
  }

  listen(): Promise<string | undefined> {
    const { listen: host, isShared } = this.#options;
    return new Promise((resolve) => {
      this.#server.once("error", (err: NodeJS.ErrnoException) => resolve(err.code ?? err.message));
      this.#server.listen({ host, port: this.route.listenPort, reusePort: isShared }, () => resolve(undefined));
    });
  }

  close(): void {
    this.#server.close();
  }

  /** The next in turn that was not tried; one that is out only when no other is left. */
  next(tried: ReadonlySet<string>): Instance | undefined {
    const left = this.#untried(tried);
    const up = left.filter((instance) => !instance.isOut);
    const choice = up.length > 0 ? up : left;
    return choice[this.#turn++ % Math.max(1, choice.length)];
  }

  hasOther(than: Instance, tried: ReadonlySet<string>): boolean {
    return this.#untried(tried).some((instance) => instance !== than && !instance.isOut);
  }

  #untried(tried: ReadonlySet<string>): readonly Instance[] {
    const { instances } = this.#options;
    return this.route.targets.filter((target) => !tried.has(target.id)).map((target) => instances.of(target));
  }
}

class TcpConnection {
  readonly #client: Socket;
  readonly #listener: Listener;
  readonly #options: TcpOptions;
  readonly #said: ProxyFacts | undefined;
  readonly #tried = new Set<string>();
  readonly #since = performance.now();
  #refusedAt: number | undefined;

  /** `said`: by the proxy in front. */
  constructor(client: Socket, listener: Listener, options: TcpOptions, said?: ProxyFacts) {
    this.#client = client;
    this.#said = said;
    this.#listener = listener;
    this.#options = options;
    client.on("error", () => client.destroy());
  }

  connect(): void {
    if (this.#client.destroyed) return;
    const instance = this.#listener.next(this.#tried);
    if (instance === undefined) {
      this.#wait();
      return;
    }
    const { instances, connectTimeoutMs } = this.#options;
    const { host, port, id } = instance.target;
    instance.inFlight += 1;
    const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
    let isConnected = false;
    const timer = setTimeout(() => socket.destroy(), connectTimeoutMs);
    const giveUp = () => socket.destroy();
    this.#client.once("close", giveUp);
    const mayMove = () => this.#listener.hasOther(instance, this.#tried);
    const instanceLeft = () => {
      if (mayMove()) socket.destroy();
    };
    const attempt = { slot: -1, since: performance.now(), connectTimeoutMs, mayMove, instanceLeft };
    instance.begin(attempt);
    socket.once("connect", () => {
      isConnected = true;
      instance.end(attempt);
      clearTimeout(timer);
      this.#join(instance, socket);
    });
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      clearTimeout(timer);
      instance.end(attempt);
      this.#client.off("close", giveUp);
      instances.leave(instance);
      if (isConnected) return;
      // Nothing was sent: the next one may have it.
      this.#tried.add(id);
      if (!this.#client.destroyed) instance.refused();
      this.connect();
    });
  }

  /** For the first instance while it starts; where all refused, for a table that says more. Nothing was sent yet. */
  #wait(): void {
    const { startPatienceMs, refusedPatienceMs } = this.#options;
    const now = performance.now();
    // From the first time on: to learn that a container is gone takes the kernel 3 s.
    if (this.#refusedAt === undefined && this.#tried.size > 0) this.#refusedAt = now;
    const until = this.#tried.size > 0 ? (this.#refusedAt ?? now) + refusedPatienceMs : now;
    if (now >= (this.#listener.route.isStarting === true ? this.#since + startPatienceMs : until)) {
      this.#client.resetAndDestroy();
      return;
    }
    this.#tried.clear();
    setTimeout(() => this.connect(), lookAgainMs);
  }

  #join(instance: Instance, socket: Socket): void {
    const client = this.#client;
    const { proxyProtocol } = this.#listener.route;
    const facts = this.#said ?? factsOf(client);
    if (proxyProtocol !== undefined && facts !== undefined) socket.write(encodeProxyHeader(proxyProtocol, facts));
    const tunnel = {
      endTunnel: () => {
        client.end();
        socket.end();
        setTimeout(() => client.destroy(), this.#options.graceMs).unref();
      },
    };
    instance.tunnels.add(tunnel);
    for (const one of [client, socket]) one.setKeepAlive(true, 60_000);
    socket.once("close", () => {
      instance.tunnels.delete(tunnel);
      // What the instance said last may still be on its way.
      client.destroySoon();
    });
    client.pipe(socket);
    socket.pipe(client);
  }
}

function factsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): ProxyFacts | undefined {
  if (remoteAddress === undefined || localAddress === undefined) return undefined;
  return {
    sourceAddress: plainAddress(remoteAddress),
    sourcePort: remotePort ?? 0,
    destinationAddress: plainAddress(localAddress),
    destinationPort: localPort ?? 0,
  };
}
