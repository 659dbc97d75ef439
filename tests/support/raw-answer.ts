import { gunzipSync } from "node:zlib";

export interface RawAnswer {
  readonly status: number;
  /** `X-Id` */
  readonly id: string;
  readonly body: string;
  /** Where the next one begins. */
  readonly end: number;
}

/** The first answer in `bytes`; undefined while it is not whole. Not for answers that the end of the connection ends. */
export function readAnswer(bytes: Buffer): RawAnswer | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const head = bytes.toString("latin1", 0, headEnd + 2);
  const start = headEnd + 4;
  const found = /\r\nX-Id: (.*)\r\n/i.exec(head)?.[1] ?? "";
  const body = /\r\ntransfer-encoding: chunked\r\n/i.test(head)
    ? chunkedBody(bytes, start)
    : plainBody(bytes, start, Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0));
  if (body === undefined) return undefined;
  const isPacked = /\r\ncontent-encoding: gzip\r\n/i.test(head);
  return {
    status: Number(head.slice(9, 12)),
    id: found,
    body: isPacked ? unpacked(body.body) : body.body,
    end: body.end,
  };
}

function plainBody(bytes: Buffer, start: number, length: number): Pick<RawAnswer, "body" | "end"> | undefined {
  const end = start + length;
  return bytes.length < end ? undefined : { body: bytes.toString("latin1", start, end), end };
}

function chunkedBody(bytes: Buffer, start: number): Pick<RawAnswer, "body" | "end"> | undefined {
  let body = "";
  for (let at = start; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (bytes.length < end) return undefined;
    if (size === 0) return { body, end };
    body += bytes.toString("latin1", lineEnd + 2, end - 2);
    at = end;
  }
}

/** What is no gzip stays as it is, to be shown. */
function unpacked(body: string): string {
  try {
    return gunzipSync(Buffer.from(body, "latin1")).toString("latin1");
  } catch {
    return body;
  }
}
