import type { FailureCause } from "./desired.ts";

export interface CauseContext {
  readonly memoryMb: number;
  readonly port: number | undefined;
  /** Sockets that the instance listened on when it was looked at. */
  readonly listening: readonly string[];
}

/** One line for people: process, what happened, and to what check. */
export function describeCause(cause: FailureCause, context: CauseContext): string {
  if (cause.kind === "exited") return describeExit(cause, context.memoryMb);
  if (cause.kind === "stranded") return "is in no network any more";
  if (cause.kind === "dead") return `failed its liveness check: ${cause.problem}`;
  const elsewhere = otherSockets(context);
  const found = elsewhere === "" ? (cause.lastProblem ?? "no answer") : elsewhere;
  return `was not healthy within ${cause.timeoutMs / 1000} s: ${found}`;
}

/** `exited with code 1`, `was ended by SIGSEGV`, `was killed for memory (limit 512 MB)` */
export function describeExit(exit: { readonly code: number; readonly oomKilled: boolean }, memoryMb: number): string {
  if (exit.oomKilled) return `was killed for memory (limit ${memoryMb} MB), exit code ${exit.code}`;
  const signal = exit.code > 128 ? signalNames[exit.code - 128] : undefined;
  return signal === undefined ? `exited with code ${exit.code}` : `was ended by ${signal} (exit code ${exit.code})`;
}

/** What to do about it, one line. */
export function hintFor(cause: FailureCause, type: string, context: CauseContext): string {
  if (cause.kind === "exited" && cause.oomKilled)
    return `Give it more memory: paas limits:set ${type} --memory ${context.memoryMb * 2}M`;
  if (cause.kind === "exited")
    return `Fix what ends "${type}", then push again. Its last lines are above; more: paas logs`;
  if (cause.kind === "dead") return `It is started anew. The check is in app.json; see paas logs --ps ${type}`;
  if (cause.kind === "stranded") return "It is replaced. Its network was removed or disconnected by hand.";
  if (otherSockets(context) !== "")
    return `Make it listen on 0.0.0.0 and on the port in the variable PORT (here ${context.port}), then push again.`;
  if (cause.kind === "unhealthy" && cause.lastProblem?.startsWith("GET ")) {
    return `Make that path answer 2xx or 3xx, or check another: paas checks:set ${type} --path / (or --no-path).`;
  }
  return `Make "${type}" listen on 0.0.0.0:$PORT, or give it more time: paas checks:set ${type} --boot-timeout 120`;
}

function otherSockets(context: CauseContext): string {
  const onPort = context.listening.filter((socket) => socket.endsWith(`:${context.port}`));
  const isLoopback = (socket: string) => /^(127\.|\[?::1)/.test(socket);
  if (onPort.length > 0 && onPort.every(isLoopback)) {
    return `it listens on ${onPort.join(", ")}, which nobody outside the container can reach`;
  }
  const others = context.listening.filter((socket) => !onPort.includes(socket));
  if (onPort.length > 0 || others.length === 0) return "";
  return `it listens on ${others.join(", ")}, not on PORT (${context.port})`;
}

const signalNames: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  15: "SIGTERM",
};
