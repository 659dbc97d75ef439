/**
 * What travels on an interactive stream. A frame is 1 byte of type, 4 bytes of length (big endian), then the payload.
 * The client opens with `open` (JSON) and ends its input with `stdinEnd`; the server closes with `exit` (JSON) or `error` (JSON).
 */
export const frameType = {
  open: 0,
  stdin: 1,
  stdinEnd: 2,
  stdout: 3,
  stderr: 4,
  resize: 5,
  exit: 6,
  error: 7,
} as const;

export type FrameType = (typeof frameType)[keyof typeof frameType];

export interface Frame {
  readonly type: FrameType;
  readonly payload: Uint8Array;
}

export const streamProtocol = "paas-stream";
/** The longest payload that either side accepts, bytes. */
export const maxFrameBytes = 1024 * 1024;
const headerBytes = 5;
const highestType = frameType.error;

/** @throws RangeError when the payload is longer than a frame may be: cut it first, see `encodeChunks` */
export function encodeFrame(type: FrameType, payload: Uint8Array = new Uint8Array()): Uint8Array {
  if (payload.length > maxFrameBytes) throw new RangeError("payload too long for a frame");
  const frame = new Uint8Array(headerBytes + payload.length);
  frame[0] = type;
  new DataView(frame.buffer).setUint32(1, payload.length);
  frame.set(payload, headerBytes);
  return frame;
}

export function encodeJsonFrame(type: FrameType, value: unknown): Uint8Array {
  return encodeFrame(type, new TextEncoder().encode(JSON.stringify(value)));
}

/** As many frames as a chunk of any size needs. */
export function encodeChunks(type: FrameType, chunk: Uint8Array): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < chunk.length; at += maxFrameBytes) {
    frames.push(encodeFrame(type, chunk.subarray(at, at + maxFrameBytes)));
  }
  return frames;
}

/** Takes chunks of any size and hands out whole frames. */
export class FrameDecoder {
  #rest: Uint8Array = new Uint8Array();

  /** @throws RangeError when what came is no frame */
  push(chunk: Uint8Array): readonly Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : concat(this.#rest, chunk);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= headerBytes) {
      const length = view.getUint32(at + 1);
      const type = checkHeader(view.getUint8(at), length);
      const end = at + headerBytes + length;
      if (bytes.length < end) break;
      frames.push({ type, payload: bytes.subarray(at + headerBytes, end) });
      at = end;
    }
    this.#rest = bytes.subarray(at);
    return frames;
  }
}

function checkHeader(type: number, length: number): FrameType {
  if (type > highestType || length > maxFrameBytes) {
    throw new RangeError("the stream carries something that is not a frame");
  }
  return type as FrameType;
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** The first frame: what to run. */
export interface OpenRequest {
  readonly command: readonly string[];
  /** Size of the client's terminal, undefined when there is none. */
  readonly tty: { readonly columns: number; readonly rows: number } | undefined;
  /** Whether stdin frames will follow. */
  readonly stdin: boolean;
}
