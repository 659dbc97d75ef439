import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { connect, type Socket } from "node:net";
import { setImmediate as turn, setTimeout as delay } from "node:timers/promises";
import { readAnswer } from "./raw-answer.ts";

/*
 * Requests of which every byte names the request: head, body and answer are made of its id, so that nothing of one can pass for
 * a part of another.
 */

/** The same numbers for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  /** 0 ≤ n < `limit` */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  bytes(): number {
    return [0, 40, 600, 5_000, 30_000, 300_000][Math.min(this.below(6), this.below(6))] as number;
  }
}

const stamp = (id: string, length: number) => `${id}.`.repeat(Math.ceil(length / (id.length + 1))).slice(0, length);

/** What an instance does: checks the request, answers in the way that it asks for. */
export function answerMixed(
  req: IncomingMessage | Http2ServerRequest,
  res: Pick<ServerResponse | Http2ServerResponse, "statusCode" | "setHeader" | "destroyed" | "end"> & {
    write(text: string): boolean;
  },
): void {
  const [, id = "", asked = "", sent = "", way = ""] = (req.url ?? "").split("/");
  let body = "";
  const respond = async () => {
    const isOwn = body === stamp(id, Number(sent)) && req.headers["x-id"] === id;
    if (!isOwn) res.statusCode = 500;
    res.setHeader("X-Id", id);
    res.setHeader("Content-Type", "text/plain");
    const text = stamp(id, Number(asked));
    if (way === "length") {
      res.setHeader("Content-Length", text.length);
      res.end(text);
      return;
    }
    const piece = Math.ceil(text.length / 4);
    for (let at = 0; at < text.length; at += piece) {
      if (res.destroyed) return;
      res.write(text.slice(at, at + piece));
      if (way === "slow") await delay(2);
    }
    res.end();
  };
  req.setEncoding("latin1").on("data", (chunk: string) => (body += chunk));
  req.once("end", () => void respond());
  if (way !== "slow") return;
  req.pause();
  setTimeout(() => req.resume(), 5);
}

interface Wanted {
  readonly id: string;
  readonly bytes: Buffer;
  readonly answer: string;
}

export interface MixedOptions {
  readonly port: number;
  readonly host: string;
  readonly seed: number;
  readonly connections: number;
}

export class MixedTraffic {
  readonly #options: MixedOptions;
  #nextId = 0;
  #left = 0;
  answered = 0;
  aborted = 0;
  /** What came for another request, or not as it was sent. */
  readonly wrong: string[] = [];

  constructor(options: MixedOptions) {
    this.#options = options;
  }

  /** Sends so many requests more. */
  async run(requests: number): Promise<void> {
    this.#left = requests;
    const { connections, seed } = this.#options;
    await Promise.all(Array.from({ length: connections }, (_, i) => this.#client(new Random(seed + i * 7_919))));
  }

  async #client(random: Random): Promise<void> {
    while (this.#left > 0) {
      const { port } = this.#options;
      const client = new Client(connect(port, "127.0.0.1"), random);
      for (let batch = 0; batch < 12 && this.#left > 0 && !client.hasEnded; batch++) await this.#batch(client, random);
      client.end();
    }
  }

  async #batch(client: Client, random: Random): Promise<void> {
    const count = random.once(3) ? 2 + random.below(4) : 1;
    this.#left -= count;
    const wanted = Array.from({ length: count }, () => this.#request(random));
    const bytes = Buffer.concat(wanted.map((one) => one.bytes));
    if (random.once(25)) {
      this.aborted += count;
      await client.write(bytes.subarray(0, random.below(bytes.length)));
      client.end();
      return;
    }
    const written = client.write(bytes);
    for (const one of wanted) {
      const answer = await client.read();
      const isRight = answer?.status === 200 && answer.id === one.id && answer.body === one.answer;
      if (isRight) this.answered += 1;
      else {
        this.wrong.push(
          `${one.bytes.toString("latin1", 0, 40)} got ${answer?.status} ${answer?.id} ${answer?.body.slice(0, 40)}`,
        );
        client.end();
        break;
      }
    }
    await written;
  }

  #request(random: Random): Wanted {
    const id = `${this.#options.seed}-${this.#nextId++}`;
    const [asked, sent] = [random.bytes(), random.once(2) ? 0 : random.bytes()];
    const way = ["length", "length", "chunks", "slow"][random.below(4)] as string;
    const head = `/${id}/${asked}/${sent}/${way} HTTP/1.1\r\nHost: ${this.#options.host}\r\nX-Id: ${id}\r\nAccept-Encoding: gzip\r\n`;
    const body = stamp(id, sent);
    const answer = stamp(id, asked);
    if (sent === 0) return { id, answer, bytes: Buffer.from(`GET ${head}\r\n`) };
    if (random.once(2)) {
      return { id, answer, bytes: Buffer.from(`POST ${head}Content-Length: ${sent}\r\n\r\n${body}`) };
    }
    const chunks: string[] = [];
    for (let at = 0; at < sent; ) {
      const chunk = body.slice(at, at + 1 + random.below(sent));
      chunks.push(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
      at += chunk.length;
    }
    return {
      id,
      answer,
      bytes: Buffer.from(`POST ${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`),
    };
  }
}

/** One connection: writes whole, in pieces or byte by byte; reads at once or now and then. */
class Client {
  readonly #socket: Socket;
  readonly #random: Random;
  #received = Buffer.alloc(0);
  #news = Promise.withResolvers<void>();
  hasEnded = false;

  constructor(socket: Socket, random: Random) {
    this.#socket = socket;
    this.#random = random;
    socket.setNoDelay(true);
    const isSlow = random.once(6);
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#tell();
      if (!isSlow) return;
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    });
    socket.on("error", () => {});
    socket.once("close", () => {
      this.hasEnded = true;
      this.#tell();
    });
  }

  async write(bytes: Buffer): Promise<void> {
    if (bytes.length < 600 && this.#random.once(4)) {
      for (let at = 0; at < bytes.length; at++) await this.#send(bytes.subarray(at, at + 1));
      return;
    }
    const pieces = this.#random.once(2) ? 1 : 1 + this.#random.below(6);
    const size = Math.ceil(bytes.length / pieces);
    for (let at = 0; at < bytes.length; at += size) await this.#send(bytes.subarray(at, at + size));
  }

  async #send(bytes: Buffer): Promise<void> {
    if (!this.hasEnded) this.#socket.write(bytes);
    await turn();
  }

  /** The next answer; undefined when the connection ends first, or says nothing for long. */
  async read(): Promise<ReturnType<typeof readAnswer>> {
    const late = AbortSignal.timeout(30_000);
    for (;;) {
      const answer = readAnswer(this.#received);
      if (answer !== undefined) {
        this.#received = this.#received.subarray(answer.end);
        return answer;
      }
      if (this.hasEnded || late.aborted) return undefined;
      await Promise.race([this.#news.promise, delay(1_000, undefined, { ref: false })]);
    }
  }

  end(): void {
    this.hasEnded = true;
    this.#socket.destroy();
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}
