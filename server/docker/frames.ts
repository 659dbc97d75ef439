/** A piece of stdout or stderr as the engine sent it. */
export interface Frame {
  readonly stream: "o" | "e";
  readonly bytes: Buffer;
}

const headerLength = 8;
const stderrType = 2;

/**
 * Takes apart the engine's stream of a container without a terminal: before each piece stand 8 bytes, the stream
 * (1 stdout, 2 stderr), three zeros and the length as big-endian 32 bit.
 */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that are complete with this chunk. */
  push(chunk: Buffer): readonly Frame[] {
    const buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (at + headerLength <= buffer.length) {
      const end = at + headerLength + buffer.readUInt32BE(at + 4);
      if (end > buffer.length) break;
      frames.push({ stream: buffer[at] === stderrType ? "e" : "o", bytes: buffer.subarray(at + headerLength, end) });
      at = end;
    }
    this.#rest = buffer.subarray(at);
    return frames;
  }
}

const lineEnd = 10;
const maxLineLength = 256 * 1024;

/** The stream of a container with a terminal: bare bytes, of which whole lines make frames. */
export class TerminalReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): readonly Frame[] {
    const buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    for (let end = buffer.indexOf(lineEnd, at); end >= 0; end = buffer.indexOf(lineEnd, at)) {
      frames.push({ stream: "o", bytes: buffer.subarray(at, end + 1) });
      at = end + 1;
    }
    if (buffer.length - at > maxLineLength) {
      frames.push({ stream: "o", bytes: buffer.subarray(at) });
      at = buffer.length;
    }
    this.#rest = buffer.subarray(at);
    return frames;
  }

  /** What came after the last line end. */
  end(): readonly Frame[] {
    return this.#rest.length === 0 ? [] : [{ stream: "o", bytes: Buffer.concat([this.#rest, Buffer.from("\n")]) }];
  }
}

export interface StampedFrame extends Frame {
  /** Nanoseconds since the epoch, 19 digits. */
  readonly ns: string;
}

/** `2023-11-23T23:46:01.123456789Z ` */
const stampLength = 31;
const stampPattern = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z /;

/** Takes the engine's timestamp off a frame. One without it gets the time of the one before. */
export class StampReader {
  #second = "";
  #epochSecond = "0000000000";
  #last = "0".repeat(19);

  read(frame: Frame): StampedFrame {
    const match = stampPattern.exec(frame.bytes.toString("latin1", 0, stampLength));
    if (!match) return { ...frame, ns: this.#last };
    const [, second = "", nanos = ""] = match;
    if (second !== this.#second) {
      this.#second = second;
      this.#epochSecond = String(Date.parse(`${second}Z`) / 1000).padStart(10, "0");
    }
    this.#last = this.#epochSecond + nanos;
    return { stream: frame.stream, ns: this.#last, bytes: frame.bytes.subarray(stampLength) };
  }
}

/** The engine cuts lines at this length and stamps each piece, which in a terminal's stream is seen by nothing else. */
const pieceLength = 16 * 1024;

/** Frames of one line in a terminal's stream, cut where the engine cut it. */
export function cutAtStamps(line: Frame): readonly Frame[] {
  const frames: Frame[] = [];
  let { bytes } = line;
  for (let cut = stampLength + pieceLength; hasStampAt(bytes, cut); cut = stampLength + pieceLength) {
    frames.push({ stream: line.stream, bytes: bytes.subarray(0, cut) });
    bytes = bytes.subarray(cut);
  }
  return [...frames, { stream: line.stream, bytes }];
}

function hasStampAt(bytes: Buffer, at: number): boolean {
  return bytes.length > at && stampPattern.test(bytes.toString("latin1", at, at + stampLength));
}
