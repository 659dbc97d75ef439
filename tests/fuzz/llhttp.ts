import { createRequire } from "node:module";
import type { Outcome } from "./differential.ts";
import type { Side } from "./messages.ts";

interface Parser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): unknown;
  [callback: number]: unknown;
}

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeadersComplete: number;
  readonly kOnMessageComplete: number;
}

/** Node's own parser, through the class that node:http uses: there is no other door to it. */
const HTTPParser = findParser();

function findParser(): ParserClass {
  const common: unknown = createRequire(import.meta.url)("node:_http_common");
  return (common as { HTTPParser: ParserClass }).HTTPParser;
}

/** Where llhttp, strict, sees the end of the first message. Fed byte by byte, to learn it. */
export function llhttp(side: Side, message: Buffer): Outcome {
  const parser = new HTTPParser();
  parser.initialize(side === "request" ? HTTPParser.REQUEST : HTTPParser.RESPONSE, {});
  let isWhole = false;
  parser[HTTPParser.kOnHeadersComplete] = () => 0;
  parser[HTTPParser.kOnMessageComplete] = () => {
    isWhole = true;
  };
  for (let i = 0; i < message.length; i++) {
    const result = parser.execute(message.subarray(i, i + 1));
    if (isWhole) return i + 1;
    if (result instanceof Error) return "refused";
  }
  return "incomplete";
}
