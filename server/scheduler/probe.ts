import http from "node:http";
import net from "node:net";

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  /** HTTP path that must answer 2xx or 3xx; undefined asks only for an accepted connection. */
  readonly path: string | undefined;
  /** Sent as Host, so that apps with a list of allowed hosts answer. */
  readonly host: string;
}

const connectTimeoutMs = 1000;
const answerTimeoutMs = 5000;

/** Looks once. Answers undefined when the check passes, else what went wrong in a few words. */
export function probe(target: ProbeTarget): Promise<string | undefined> {
  return target.path === undefined ? probePort(target) : probePath(target, target.path);
}

function probePort(target: ProbeTarget): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: target.address, port: target.port, timeout: connectTimeoutMs });
    const end = (problem: string | undefined) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once("connect", () => end(undefined));
    socket.once("timeout", () => end(`no answer on port ${target.port} within ${connectTimeoutMs / 1000} s`));
    socket.once("error", (err) => end(describe(err, target.port)));
  });
}

function probePath(target: ProbeTarget, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = http.get(
      {
        host: target.address,
        port: target.port,
        path,
        agent: false,
        timeout: answerTimeoutMs,
        headers: { host: target.host, "user-agent": "paas-check", "x-forwarded-proto": "http" },
      },
      (response) => {
        const status = response.statusCode ?? 0;
        response.destroy();
        resolve(status >= 200 && status < 400 ? undefined : `GET ${path} answered ${status}`);
      },
    );
    request.once("timeout", () => {
      resolve(`GET ${path} gave no answer within ${answerTimeoutMs / 1000} s`);
      request.destroy();
    });
    request.once("error", (err) => resolve(describe(err, target.port)));
  });
}

function describe(err: Error, port: number): string {
  const code = "code" in err ? String(err.code) : err.message;
  return code === "ECONNREFUSED" ? `nothing listens on port ${port}` : `port ${port}: ${code}`;
}
