import { once } from "node:events";
import tls from "node:tls";

export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;
export const flags = { ack: 1, endStream: 1, endHeaders: 4 } as const;

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export function frame(type: number, flag: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flag;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field of HPACK in the clear, that no table keeps. */
export function field(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0]),
    ...[name, value].flatMap((text) => [integer(text.length), Buffer.from(text)]),
  ]);
}

/** The head of `GET /`. */
export function getHead(authority: string): Buffer {
  return Buffer.concat([Buffer.from([0x82, 0x87, 0x84]), field(":authority", authority)]);
}

/** With a prefix of 7 bits (RFC 7541 §5.1). */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

/** A payload of SETTINGS. */
export function settings(...values: readonly (readonly [name: number, value: number])[]): Buffer<ArrayBuffer> {
  return Buffer.concat(
    values.map(([name, value]) => {
      const bytes = Buffer.alloc(6);
      bytes.writeUInt16BE(name, 0);
      bytes.writeUInt32BE(value, 2);
      return bytes;
    }),
  );
}

export interface ReceivedFrame {
  readonly type: number;
  readonly flag: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** A client that sends frames as it likes. */
export class FrameClient {
  readonly socket: tls.TLSSocket;
  #received = Buffer.alloc(0);
  /** All that came, DATA too. */
  readonly frames: ReceivedFrame[] = [];
  /** What the server said when it ended the connection. */
  goaway: number | undefined;
  /** Resets by the server. */
  resets = 0;
  answers = 0;
  hasEnded = false;

  private constructor(socket: tls.TLSSocket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", () => {});
    socket.once("close", () => (this.hasEnded = true));
  }

  static async open(port: number, servername: string, ownSettings = Buffer.alloc(0)): Promise<FrameClient> {
    const options = { host: "127.0.0.1", port, servername, ALPNProtocols: ["h2"], rejectUnauthorized: false };
    const socket = tls.connect(options);
    await once(socket, "secureConnect");
    const client = new FrameClient(socket);
    socket.write(Buffer.concat([preface, frame(frameTypes.settings, 0, 0, ownSettings)]));
    return client;
  }

  /** Resolves when it is handed over, or the connection has ended. */
  async send(...frames: readonly Buffer[]): Promise<void> {
    if (this.hasEnded) return;
    if (this.socket.write(Buffer.concat(frames))) return;
    await Promise.race([once(this.socket, "drain"), once(this.socket, "close")]).catch(() => {});
  }

  of(type: number, stream: number): readonly ReceivedFrame[] {
    return this.frames.filter((one) => one.type === type && one.stream === stream);
  }

  /** Bytes of an answer's body so far. */
  bodyBytes(stream: number): number {
    return this.of(frameTypes.data, stream).reduce((sum, { payload }) => sum + payload.length, 0);
  }

  #read(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 9) {
      const end = 9 + this.#received.readUIntBE(0, 3);
      if (this.#received.length < end) return;
      const [type = 0, flag = 0] = this.#received.subarray(3, 5);
      const payload = Buffer.from(this.#received.subarray(9, end));
      this.frames.push({ type, flag, stream: this.#received.readUInt32BE(5), payload });
      if (type === frameTypes.goaway) this.goaway ??= this.#received.readUInt32BE(13);
      if (type === frameTypes.reset) this.resets += 1;
      if (type === frameTypes.headers) this.answers += 1;
      this.#received = this.#received.subarray(end);
    }
  }
}
