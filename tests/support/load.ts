import http from "node:http";
import { setTimeout as delay } from "node:timers/promises";

export interface Load extends AsyncDisposable {
  /** What went wrong, in words; empty when every request was answered with 200. */
  readonly failures: readonly string[];
  /** Of requests that were sent after this moment, ms since the epoch. */
  failuresSince(at: number): readonly string[];
  readonly count: number;
  /** Distinct bodies seen. */
  readonly bodies: ReadonlySet<string>;
  stop(): Promise<void>;
}

/** Sends requests at a steady rate, half of them on kept connections, half on new ones, until it is stopped. */
export function startLoad(port: () => number, host: string, perSecond: number): Load {
  const keepAlive = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const failed: { readonly began: number; readonly text: string }[] = [];
  const bodies = new Set<string>();
  const open = new Set<Promise<void>>();
  const stopping = new AbortController();
  let count = 0;

  const send = (agent: http.Agent | false): Promise<void> =>
    new Promise((resolve) => {
      const began = Date.now();
      const fail = (what: string) => {
        failed.push({ began, text: `${new Date(began).toISOString()} +${Date.now() - began} ms: ${what}` });
        resolve();
      };
      const request = http.get({ host: "127.0.0.1", port: port(), path: "/", agent, headers: { host } }, (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (body += chunk));
        response.once("error", (err) => fail(`answer cut: ${err.message}`));
        response.once("end", () => {
          bodies.add(body);
          if (response.statusCode === 200) resolve();
          else fail(`status ${response.statusCode} ${String(response.headers["x-paas-error"])}: ${body.slice(0, 200)}`);
        });
      });
      request.setTimeout(20_000, () => request.destroy(new Error("no answer within 20 s")));
      request.once("error", (err) => fail(err.message));
    });

  const pump = async () => {
    const began = performance.now();
    while (!stopping.signal.aborted) {
      const due = began + (count * 1000) / perSecond;
      const wait = due - performance.now();
      if (wait > 0) await delay(wait);
      count += 1;
      const sent = send(count % 2 === 0 ? keepAlive : false);
      open.add(sent);
      void sent.then(() => open.delete(sent));
    }
    await Promise.all(open);
    keepAlive.destroy();
  };
  const done = pump();
  const stop = async () => {
    stopping.abort();
    await done;
  };
  return {
    get failures() {
      return failed.map((one) => one.text);
    },
    failuresSince: (at) => failed.filter((one) => one.began > at).map((one) => one.text),
    bodies,
    get count() {
      return count;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
