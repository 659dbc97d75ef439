/** Mutated messages for the differential fuzz, always the same for the same seed. */
export type Side = "request" | "answer";

const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36";

const seeds: Readonly<Record<Side, readonly string[]>> = {
  request: [
    `GET /assets/app.js?v=12 HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive\r\nUser-Agent: ${agent}\r\nCookie: a=b; c=d\r\n\r\n`,
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5;a=b;c="d e"\r\nhello\r\n1F\r\n0123456789012345678901234567890\r\n0\r\nX: y\r\n\r\n',
    "GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://a.test/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close, X-A\r\nX-A: 1\r\n\r\n",
  ],
  answer: [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5;a=b\r\nhello\r\n10;q="x"\r\n0123456789abcdef\r\n0\r\nX: y\r\n\r\n',
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
    "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
    "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n",
    "HTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx",
  ],
};

const lines = [
  "Content-Length: 5\r\n",
  "Content-Length: +5\r\n",
  "Content-Length: 5, 5\r\n",
  "Content-Length: 0x5\r\n",
  "Content-Length:\r\n",
  "Content_Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: xchunked\r\n",
  "Transfer-Encoding: gzip, chunked\r\n",
  "Transfer-Encoding:\tchunked \r\n",
  "Transfer-Encoding: identity\r\n",
  "Connection: close\r\n",
  "Host: b\r\n",
  "X : y\r\n",
  " folded\r\n",
];
const scraps = ["\r", "\n", " ", "\t", "\0", ":", "\r\n", "\r\n ", "\r\n\r\n", "+", "0x", ",", ";", "=", '"', "\\"];
const oddities = ["\u000b", "\u0080", "\u007f", "\u00ff", "0", "f", "F", "-", "#", "HTTP/1.1", "HTTP/2.0", "GET "];
const junk = [...lines, ...scraps, ...oddities];

export class Mutator {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  message(side: Side): Buffer {
    let text = this.#one(seeds[side]);
    for (let left = this.#below(4); left > 0; left--) text = this.#mutate(text);
    return Buffer.from(text, "latin1");
  }

  /** 0 ≤ n < `limit` */
  #below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }

  #one(list: readonly string[]): string {
    return list[this.#below(list.length)] ?? "";
  }

  #mutate(text: string): string {
    const at = this.#below(text.length + 1);
    const before = text.slice(0, at);
    switch (this.#below(5)) {
      case 0:
        return before + this.#one(junk) + text.slice(at);
      case 1:
        return before + text.slice(at + 1 + this.#below(3));
      case 2:
        return before + String.fromCharCode(this.#below(256)) + text.slice(at + 1);
      case 3: {
        const line = text.indexOf("\r\n", at);
        return line === -1 ? text : text.slice(0, line + 2) + this.#one(lines) + text.slice(line + 2);
      }
      default:
        return before + text.slice(at, at + 1 + this.#below(8)) + text.slice(at);
    }
  }
}
