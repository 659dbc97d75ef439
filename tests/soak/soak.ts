import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { TableRoute } from "../../server/router/protocol.ts";
import { answerMixed, MixedTraffic } from "../support/mixed-traffic.ts";
import { readAnswer } from "../support/raw-answer.ts";
import { startRouterProcess } from "../support/router-process.ts";

export interface Sample {
  readonly requests: number;
  readonly rssBytes: number;
}

export interface Soaked {
  readonly requests: number;
  readonly seconds: number;
  readonly wrong: readonly string[];
  readonly samples: readonly Sample[];
}

const sampleEveryMs = 500;
const plainClients = 24;
/** Of ten requests one is of the mixed kind: slow, cut off, in pieces, with bodies. */
const mixedPart = 0.1;

/** Sends so many requests through a router's process and watches its memory. */
export async function soak(requests: number, onSample: (sample: Sample) => void = () => {}): Promise<Soaked> {
  const server = createServer(answerMixed).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const targets = [{ id: "soak", name: "web.1", host: "127.0.0.1", port }];
  const route: TableRoute = { host: "plain.test", path: "/", app: "soak", state: "running", targets };
  const packed: TableRoute = { ...route, host: "packed.test", policy: { compress: true } };
  await using router = await startRouterProcess([route, packed]);
  const { httpPort, pid } = router.client;
  const mixed = ["plain.test", "packed.test"].map(
    (host, i) => new MixedTraffic({ port: httpPort, host, seed: 7 + i, connections: 8 }),
  );
  const plain = new PlainTraffic(httpPort, "plain.test");
  const count = () => plain.answered + mixed.reduce((sum, one) => sum + one.answered + one.aborted, 0);
  const samples: Sample[] = [];
  const sampler = setInterval(() => {
    const sample = { requests: count(), rssBytes: rssOf(pid) };
    samples.push(sample);
    onSample(sample);
  }, sampleEveryMs);
  const began = performance.now();
  const share = Math.ceil((requests * mixedPart) / mixed.length);
  await Promise.all([plain.run(requests - share * mixed.length), ...mixed.map((one) => one.run(share))]);
  clearInterval(sampler);
  const seconds = (performance.now() - began) / 1_000;
  server.closeAllConnections();
  server.close();
  const wrong = [...plain.wrong, ...mixed.flatMap((one) => one.wrong)];
  return { requests: count(), seconds, wrong, samples };
}

/** Small requests on connections that are kept. */
class PlainTraffic {
  readonly #port: number;
  readonly #host: string;
  #left = 0;
  answered = 0;
  readonly wrong: string[] = [];

  constructor(port: number, host: string) {
    this.#port = port;
    this.#host = host;
  }

  async run(requests: number): Promise<void> {
    this.#left = requests;
    await Promise.all(Array.from({ length: plainClients }, (_, i) => this.#client(i)));
  }

  #client(client: number): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(this.#port, "127.0.0.1");
      let [received, turn] = [Buffer.alloc(0), 0];
      const ask = () => {
        if (this.#left-- <= 0) return void socket.destroy();
        const id = `${client}-${++turn}`;
        socket.write(`GET /${id}/600/0/length HTTP/1.1\r\nHost: ${this.#host}\r\nX-Id: ${id}\r\n\r\n`);
      };
      socket.on("connect", ask);
      socket.on("data", (chunk) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        const answer = readAnswer(received);
        if (answer === undefined) return;
        received = received.subarray(answer.end);
        if (answer.status === 200 && answer.id === `${client}-${turn}`) this.answered += 1;
        else this.wrong.push(`${client}-${turn} got ${answer.status} ${answer.id}`);
        ask();
      });
      socket.on("error", (err) => this.wrong.push(`${client}-${turn}: ${err.message}`));
      socket.once("close", () => resolve());
    });
  }
}

/** The line through the samples behind the first third: how much memory it gains from its begin to its end, and where it ends. */
export function trend(samples: readonly Sample[]): { readonly gainBytes: number; readonly endBytes: number } {
  const kept = samples.slice(Math.ceil(samples.length / 3));
  const mean = (pick: (one: Sample) => number) => kept.reduce((sum, one) => sum + pick(one), 0) / kept.length;
  const [x, y] = [mean((one) => one.requests), mean((one) => one.rssBytes)];
  const covariance = mean((one) => (one.requests - x) * (one.rssBytes - y));
  const slope =
    covariance /
    Math.max(
      1,
      mean((one) => (one.requests - x) ** 2),
    );
  const [first, last] = [kept[0]?.requests ?? 0, kept.at(-1)?.requests ?? 0];
  return { gainBytes: slope * (last - first), endBytes: y + slope * (last - x) };
}

function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1_024;
}
