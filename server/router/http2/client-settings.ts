import { type Code, codes, defaultWindow, maxFrameBytes, maxWindow, settings } from "./codes.ts";
import { maxTableBytes } from "./dynamic-table.ts";

const entryBytes = 6;
const maxFrameSize = 2 ** 24 - 1;

/** What a client has said of itself (RFC 9113 §6.5). */
export class ClientSettings {
  /** Of a stream, when it begins. */
  window = defaultWindow;
  tableBytes = maxTableBytes;

  /** Takes a payload; a code where it is none. */
  take(buf: Buffer, start: number, end: number): Code {
    if ((end - start) % entryBytes !== 0) return codes.frameSize;
    for (let p = start; p < end; p += entryBytes) {
      const code = this.#set(buf.readUInt16BE(p), buf.readUInt32BE(p + 2));
      if (code !== codes.none) return code;
    }
    return codes.none;
  }

  #set(name: number, value: number): Code {
    if (name === settings.push) return value > 1 ? codes.protocol : codes.none;
    if (name === settings.frameSize) {
      return value < maxFrameBytes || value > maxFrameSize ? codes.protocol : codes.none;
    }
    if (name === settings.window) {
      if (value > maxWindow) return codes.flowControl;
      this.window = value;
    } else if (name === settings.tableSize) this.tableBytes = value;
    return codes.none;
  }
}
