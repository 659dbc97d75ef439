import http from "node:http";
import net from "node:net";

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  /** HTTP path that must answer 2xx or 3xx; undefined asks only for an accepted connection. */
  readonly path: string | undefined;
  /** Sent as Host, so that apps with a list of allowed hosts answer. */
  readonly host: string;
  /** For the answer, ms. */
  readonly timeoutMs?: number;
  /** Must be in the body. */
  readonly content?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Only 2xx will do, as Dokku has it. */
  readonly isStrict?: boolean;
}

const connectTimeoutMs = 1000;
const answerTimeoutMs = 5000;
const maxBodyLength = 1024 * 1024;

/** Looks once. Answers undefined when the check passes, else what went wrong in a few words. */
export function probe(target: ProbeTarget): Promise<string | undefined> {
  return target.path === undefined ? probePort(target) : probePath(target, target.path);
}

function probePort(target: ProbeTarget): Promise<string | undefined> {
  const timeout = target.timeoutMs ?? connectTimeoutMs;
  return new Promise((resolve) => {
    const socket = net.connect({ host: target.address, port: target.port, timeout });
    const end = (problem: string | undefined) => {
      socket.destroy();
      resolve(problem);
    };
    socket.once("connect", () => end(undefined));
    socket.once("timeout", () => end(`no answer on port ${target.port} within ${timeout / 1000} s`));
    socket.once("error", (err) => end(describe(err, target.port)));
  });
}

function probePath(target: ProbeTarget, path: string): Promise<string | undefined> {
  const { port, content, timeoutMs = answerTimeoutMs } = target;
  return new Promise((resolve) => {
    const request = http.get({
      host: target.address,
      port,
      path,
      agent: false,
      headers: { host: target.host, "user-agent": "paas-check", "x-forwarded-proto": "http", ...target.headers },
    });
    // The whole answer counts, not only the silence within it.
    const timer = setTimeout(() => {
      resolve(`GET ${path} gave no answer within ${timeoutMs / 1000} s`);
      request.destroy();
    }, timeoutMs);
    request.once("close", () => clearTimeout(timer));
    request.once("error", (err) => resolve(describe(err, port)));
    request.once("response", (response) => {
      const status = response.statusCode ?? 0;
      const isGood = status >= 200 && status < (target.isStrict === true ? 300 : 400);
      if (isGood && content !== undefined) return void findContent(response, path, content).then(resolve);
      response.destroy();
      resolve(isGood ? undefined : `GET ${path} answered ${status}`);
    });
  });
}

async function findContent(response: http.IncomingMessage, path: string, content: string): Promise<string | undefined> {
  let body = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      body += chunk;
      if (body.includes(content)) return undefined;
      if (body.length > maxBodyLength) break;
    }
  } catch {
    // It broke off: what came does not have it.
  }
  return `GET ${path} answered without "${content}"`;
}

function describe(err: Error, port: number): string {
  const code = "code" in err ? String(err.code) : err.message;
  return code === "ECONNREFUSED" ? `nothing listens on port ${port}` : `port ${port}: ${code}`;
}
