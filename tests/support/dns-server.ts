import { createSocket } from "node:dgram";
import { type AddressInfo, createServer } from "node:net";

export interface DnsServer extends AsyncDisposable {
  /** `127.0.0.1:5353` */
  readonly address: string;
  /** Names that do not exist. */
  readonly unknown: Set<string>;
  /** Name → its IPv4 address; all others lead to 127.0.0.1. */
  readonly addresses: Map<string, string>;
  readonly texts: Map<string, Set<string>>;
}

const types = { a: 1, txt: 16 };

/** A name server for tests: one A record for every name, TXT records as set, nothing else. */
export async function startDnsServer(): Promise<DnsServer> {
  const unknown = new Set<string>();
  const addresses = new Map<string, string>();
  const texts = new Map<string, Set<string>>();
  const addressOf = (name: string) => Buffer.from((addresses.get(name) ?? "127.0.0.1").split(".").map(Number));
  const answer = (query: Buffer): Buffer => {
    const { name, type, end } = questionOf(query);
    const texted = type === types.txt ? [...(texts.get(name) ?? [])].map(textData) : [];
    const isUnknown = unknown.has(name);
    const answers = isUnknown ? [] : type === types.a ? [addressOf(name)] : texted;
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8580 | (isUnknown ? 3 : 0), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(answers.length, 6);
    return Buffer.concat([head, query.subarray(12, end), ...answers.map((data) => record(type, data))]);
  };
  // Pebble asks by TCP, Node by UDP: both on one port.
  const server = createServer((client) => {
    client.on("error", () => client.destroy());
    client.on("data", (chunk) => {
      const reply = answer(chunk.subarray(2));
      client.write(Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => socket.send(answer(query), from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(port, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${port}`,
    unknown,
    addresses,
    texts,
    async [Symbol.asyncDispose]() {
      server.close();
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

function questionOf(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** The name is a pointer to that of the question. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([head, data]);
}

function textData(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "latin1")]);
}
