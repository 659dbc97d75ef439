import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { FailureCode } from "./failures.ts";
import type { InstanceRequest } from "./instances.ts";
import type { Target } from "./protocol.ts";
import type { Traffic } from "./traffic.ts";

export type CallFailure =
  /** Nothing was sent: H19, H21, or H99 when it is this machine that cannot connect. */
  | { readonly kind: "unsent"; readonly code: FailureCode }
  /** A connection used before was closed without a byte of answer: the instance had most likely closed it for idleness. */
  | { readonly kind: "stale" }
  | { readonly kind: "broken"; readonly code: FailureCode };

export interface CallEvents {
  connected(): void;
  information(status: number, message: string, raw: readonly string[]): void;
  answered(answer: IncomingMessage): void;
  upgraded?(answer: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Instead of an answer, once. */
  failed(failure: CallFailure): void;
}

/** One request to one instance until its answer begins. */
export class InstanceCall {
  readonly request: ClientRequest;
  readonly #events: CallEvents;
  readonly #mayRepeat: boolean;
  #connectTimer: NodeJS.Timeout | undefined;
  #isConnected = false;
  #isSettled = false;
  #hasTimedOut = false;
  #bytesBefore = 0;

  /** @throws TypeError when node:http refuses to write a field or the target */
  constructor(traffic: Traffic, target: Target, options: InstanceRequest, events: CallEvents) {
    this.#events = events;
    this.#mayRepeat = options.reuse;
    this.request = traffic.transport.open(target, options);
    this.request.once("socket", (socket) => this.#assigned(socket, traffic.policy.connectTimeoutMs));
    this.request.on("error", (err: NodeJS.ErrnoException) => this.#failed(err));
    this.request.on("information", (info) => {
      if (!this.#isSettled) events.information(info.statusCode, info.statusMessage, info.rawHeaders);
    });
    this.request.once("response", (answer) => {
      if (this.#settle()) events.answered(answer);
      else answer.destroy();
    });
    if (events.upgraded === undefined) return;
    this.request.once("upgrade", (answer, socket, head) => {
      if (this.#settle()) events.upgraded?.(answer, socket, head);
      else socket.destroy();
    });
  }

  /** Ends the exchange with the instance; nothing is reported any more. */
  cancel(): void {
    this.#settle();
    this.request.destroy();
  }

  #assigned(socket: Socket, timeoutMs: number): void {
    this.#bytesBefore = socket.bytesRead;
    if (!socket.connecting) {
      this.#connected();
      return;
    }
    socket.once("connect", () => this.#connected());
    this.#connectTimer = setTimeout(() => {
      this.#hasTimedOut = true;
      this.request.destroy();
    }, timeoutMs);
  }

  #connected(): void {
    clearTimeout(this.#connectTimer);
    this.#isConnected = true;
    if (!this.#isSettled) this.#events.connected();
  }

  #failed(err: NodeJS.ErrnoException): void {
    if (this.#settle()) this.#events.failed(this.#classify(err.code ?? ""));
  }

  #settle(): boolean {
    clearTimeout(this.#connectTimer);
    if (this.#isSettled) return false;
    this.#isSettled = true;
    return true;
  }

  #classify(code: string): CallFailure {
    if (!this.#isConnected) {
      if (this.#hasTimedOut || code === "ETIMEDOUT") return { kind: "unsent", code: "H19" };
      return { kind: "unsent", code: localFailures.has(code) ? "H99" : "H21" };
    }
    if (code === "HPE_HEADER_OVERFLOW") return { kind: "broken", code: "H25" };
    const bytesRead = (this.request.socket?.bytesRead ?? 0) - this.#bytesBefore;
    // Any byte of an answer, even a part of its head, means that the request was executed.
    if (code.startsWith("HPE_") && bytesRead > 0 && code !== "HPE_INVALID_EOF_STATE") {
      return { kind: "broken", code: "H17" };
    }
    if (this.#mayRepeat && this.request.reusedSocket && bytesRead === 0) return { kind: "stale" };
    return { kind: "broken", code: "H13" };
  }
}

const localFailures: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL"]);
