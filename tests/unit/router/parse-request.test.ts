import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { head } from "../../../server/router/http1/head.ts";
import { parseRequest } from "../../../server/router/http1/parse-request.ts";
import { AskedHosts, Forwarding, type TrustedProxies } from "../../../server/router/http1/forwarding.ts";
import { Http1RequestFacts } from "../../../server/router/http1/request-facts.ts";

const out = Buffer.alloc(200_000);
const connection = { protocol: "http", clientAddress: "192.0.2.9", clientPort: 1, localPort: 8080 } as const;
const nobody: TrustedProxies = { has: () => false };

interface Forwarded {
  readonly line: string;
  readonly facts: Http1RequestFacts;
  /** All values of a field that the instance gets. */
  readonly values: (name: string) => string[];
}

function refusal(bytes: string, maxFields = 100): number | "incomplete" | undefined {
  const buf = Buffer.from(bytes, "latin1");
  const end = parseRequest(buf, 0, buf.length, out, 0, maxFields);
  if (end === 0) return "incomplete";
  if (end < 0) return head.refusal;
  return new Http1RequestFacts(new Forwarding(connection, nobody, new AskedHosts(connection.protocol, "1.1"))).take(buf)
    ? undefined
    : 400;
}

function forward(bytes: string, trusted: TrustedProxies = nobody): Forwarded {
  const buf = Buffer.from(bytes, "latin1");
  const end = parseRequest(buf, 0, buf.length, out, 0, 100);
  if (end <= 0) throw new Error(`refused: ${head.cause}`);
  const facts = new Http1RequestFacts(new Forwarding(connection, trusted, new AskedHosts(connection.protocol, "1.1")));
  if (!facts.take(buf)) throw new Error("bad host");
  const text = out.toString("latin1", 0, facts.writeTail(out, head.out, Buffer.from("1700000000000")));
  expect(text.endsWith("\r\n\r\n")).toBe(true);
  const [line = "", ...lines] = text.slice(0, -4).split("\r\n");
  const values = (name: string) =>
    lines.filter((one) => one.toLowerCase().startsWith(`${name}:`)).map((one) => one.slice(name.length + 1).trim());
  return { line, facts, values };
}

const get = (fields: string, target = "/") => `GET ${target} HTTP/1.1\r\n${fields}\r\n`;
const host = "Host: shop.example:8080\r\n";

describe("where a request goes", () => {
  test("to the Host field's host", () => {
    const { facts, line, values } = forward(get("Host: Shop.Example:80\r\n", "/a?b"));
    expect(facts).toMatchObject({ host: "shop.example", authority: "Shop.Example:80", target: "/a?b", method: "GET" });
    expect(line).toBe("GET /a?b HTTP/1.1");
    expect(values("host")).toEqual(["Shop.Example:80"]);
  });

  test.each([
    ["http://shop.example/a?b", "/a?b"],
    ["HTTPS://shop.example", "/"],
    ["http://shop.example?x", "/?x"],
  ])("%s: its own host wins over the field's, and its path is %s", (target, path) => {
    const { facts, line, values } = forward(get("X-A: 1\r\nHost: other.example\r\n", target));
    expect(facts).toMatchObject({ host: "shop.example", authority: "shop.example", target: path });
    expect(line).toBe(`GET ${path} HTTP/1.1`);
    expect(values("host")).toEqual(["shop.example"]);
    expect(values("x-a")).toEqual(["1"]);
  });

  test("OPTIONS * is for the server as a whole", () => {
    expect(forward(`OPTIONS * HTTP/1.1\r\n${host}\r\n`).facts.target).toBe("*");
  });

  test.each([
    ["no Host", get("X: 1\r\n"), 400],
    ["no Host beside an absolute target", get("", "http://a/"), 400],
    ["two Hosts", get(`${host}host: a\r\n`), 400],
    ["two Hosts beside an absolute target", get("Host: a\r\nHost: a\r\n", "http://a/"), 400],
    ["an empty Host", get("Host:\r\n"), 400],
    ["a Host with a space", get("Host: a b\r\n"), 400],
    ["a Host with a path", get("Host: a/b\r\n"), 400],
    ["a target with user information", get(host, "http://u@shop.example/"), 400],
    ["a target of another scheme", get(host, "ftp://shop.example/"), 400],
    ["an asterisk with GET", get(host, "*"), 400],
    ["a relative target", get(host, "a/b"), 400],
    ["a fragment", get(host, "/a#b"), 400],
    ["a byte above ASCII in the target", get(host, "/\u00e4"), 400],
    ["CONNECT", `CONNECT a:443 HTTP/1.1\r\n${host}\r\n`, 405],
    ["a method of 200 characters", `${"A".repeat(200)} / HTTP/1.1\r\n${host}\r\n`, 400],
    ["HTTP/2.0", `GET / HTTP/2.0\r\n${host}\r\n`, 505],
    ["HTTP/0.9", `GET / HTTP/0.9\r\n${host}\r\n`, 505],
    ["a lower-case protocol", `GET / http/1.1\r\n${host}\r\n`, 400],
    ["two spaces", `GET  / HTTP/1.1\r\n${host}\r\n`, 400],
    ["a tab for a space", `GET\t/ HTTP/1.1\r\n${host}\r\n`, 400],
    ["a space behind the protocol", `GET / HTTP/1.1 \r\n${host}\r\n`, 400],
  ])("%s is refused", (_name, bytes, status) => {
    expect(refusal(bytes)).toBe(status);
  });
});

describe("where a request ends", () => {
  test.each([
    ["Content-Length: 0\r\n", 0, 0],
    ["Content-Length: 5\r\n", 1, 5],
    ["Content-Length: 5 \t\r\n", 1, 5],
    ["Transfer-Encoding: Chunked\r\n", 2, 0],
    ["transfer-encoding:\tchunked \r\n", 2, 0],
  ])("%j is framing %i", (fields, framing, length) => {
    expect(forward(get(host + fields)).facts).toMatchObject({ framing, length });
  });

  test.each([
    ["Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400],
    ["Content-Length: 1\r\nContent-Length: 1\r\n", 400],
    ["Content-Length: 1\r\nContent-Length: 2\r\n", 400],
    ["Content-Length: +1\r\n", 400],
    ["Content-Length: -1\r\n", 400],
    ["Content-Length: 1, 1\r\n", 400],
    ["Content-Length: 0x1\r\n", 400],
    ["Content-Length: 1 1\r\n", 400],
    ["Content-Length:\r\n", 400],
    ["Content-Length: 1234567890123456\r\n", 400],
    ["Content_Length: 1\r\n", 400],
    ["Transfer-Encoding: gzip, chunked\r\n", 501],
    ["Transfer-Encoding: chunked\t\r\n", 501],
    ["Transfer-Encoding: chunked, identity\r\n", 501],
    ["Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 501],
    ["Transfer-Encoding: xchunked\r\n", 501],
    ["Transfer-Encoding: identity\r\n", 501],
    ["Transfer-Encoding:\r\n", 501],
    ["Transfer_Encoding: chunked\r\n", 501],
    ["X-A : 1\r\n", 400],
    ["X-A\r\n", 400],
    [": 1\r\n", 400],
    [" X-A: 1\r\n", 400],
    ["X-A: 1\r\n folded\r\n", 400],
    ["X-A: 1\r\n\tfolded\r\n", 400],
    ["X-A: 1\rX-B: 2\r\n", 400],
    ["X-A: 1\nX-B: 2\r\n", 400],
    ["X-A: \0\r\n", 400],
    ["X-A: \u007f\r\n", 400],
    ["X-\u00e4: 1\r\n", 400],
    ["Connection: a b\r\n", 400],
  ])("%j is refused", (fields, status) => {
    expect(refusal(get(host + fields))).toBe(status);
  });

  test("HTTP/1.0 has no transfer codings", () => {
    expect(refusal(`POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n`)).toBe(400);
  });

  test("too many fields are refused, not dropped", () => {
    expect(refusal(get(host + "X: 1\r\n".repeat(100)), 100)).toBe(431);
    expect(refusal(get(host + "X: 1\r\n".repeat(99)), 100)).toBeUndefined();
  });

  test("every beginning of a head is incomplete", () => {
    const whole = get(`${host}X-A: 1\r\nContent-Length: 3\r\n`, "/a");
    for (let length = 0; length < whole.length; length++) expect(refusal(whole.slice(0, length))).toBe("incomplete");
  });
});

describe("what an instance gets", () => {
  test("the client comes last in X-Forwarded-For", () => {
    expect(forward(get(`${host}X-Forwarded-For: 10.0.0.1\r\n`)).values("x-forwarded-for")).toEqual([
      "10.0.0.1, 192.0.2.9",
    ]);
    const several = `${host}X-Forwarded-For: 1\r\nX-Forwarded-For:\r\nx_forwarded_for: 2\r\n`;
    expect(forward(get(several)).values("x-forwarded-for")).toEqual(["1, 2, 192.0.2.9"]);
    expect(forward(get(host)).values("x-forwarded-for")).toEqual(["192.0.2.9"]);
  });

  test("scheme, port, host, id and start are the router's word, not the client's", () => {
    const said =
      "X-Forwarded-Proto: https\r\nx_forwarded_host: evil\r\nX-Request-Start: 1\r\nForwarded: for=x\r\nProxy: evil\r\n";
    const { values } = forward(get(host + said));
    expect(values("x-forwarded-proto")).toEqual(["http"]);
    expect(values("x-forwarded-host")).toEqual(["shop.example:8080"]);
    expect(values("x-forwarded-port")).toEqual(["8080"]);
    expect(values("x-request-start")).toEqual(["1700000000000"]);
    expect(values("x_forwarded_host")).toEqual([]);
    expect(values("proxy")).toEqual([]);
    expect(values("forwarded")).toEqual(['for=192.0.2.9;host="shop.example:8080";proto=http']);
  });

  test("the id has Cloud Foundry's name too, and the names of an instance are no client's to say", () => {
    const said =
      "X-Vcap-Request-Id: mine\r\nX_CF_InstanceID: a\r\nX-CF-InstanceIndex: 7\r\nX-CF-ApplicationID: b\r\nX-Request-Id: abcdefghij0123456789\r\n";
    const { values } = forward(get(host + said));
    expect(values("x-vcap-request-id")).toEqual(["abcdefghij0123456789"]);
    expect(values("x-request-id")).toEqual(["abcdefghij0123456789"]);
    for (const name of ["instanceid", "instanceindex", "applicationid"]) expect(values(`x-cf-${name}`)).toEqual([]);
    expect(values("x_cf_instanceid")).toEqual([]);
  });

  test("a client's certificate is what a trusted proxy says last, and nobody else's word", () => {
    const said = "X-Forwarded-Client-Cert: forged\r\nx_forwarded_client_cert: checked\r\n";
    expect(forward(get(host + said)).values("x-forwarded-client-cert")).toEqual([]);
    const trusted = { has: (address: string) => address === "192.0.2.9" };
    const { values } = forward(get(host + said), trusted);
    expect(values("x-forwarded-client-cert")).toEqual(["checked"]);
    expect(values("x_forwarded_client_cert")).toEqual([]);
    expect(forward(get(host), trusted).values("x-forwarded-client-cert")).toEqual([]);
  });

  test("the word of a trusted proxy counts", () => {
    const trusted = { has: (address: string) => ["192.0.2.9", "10.0.0.2"].includes(address) };
    const said =
      "X-Forwarded-For: 203.0.113.5, 198.51.100.7, 10.0.0.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: www.example\r\n";
    const { values, facts } = forward(get(host + said), trusted);
    expect(facts).toMatchObject({ clientAddress: "198.51.100.7", protocol: "https" });
    expect(values("x-forwarded-proto")).toEqual(["https"]);
    expect(values("x-forwarded-port")).toEqual(["443"]);
    expect(values("x-forwarded-host")).toEqual(["www.example"]);
  });

  test("fields that Connection names are taken away, but not those that frame or address the message", () => {
    const fields =
      "Connection: close, X-Secret, Content-Length,host\r\nX-Secret: 1\r\nContent-Length: 3\r\nX-Kept: 2\r\n";
    const { values, facts } = forward(get(host + fields));
    expect(values("x-secret")).toEqual([]);
    expect(values("connection")).toEqual([]);
    expect(values("content-length")).toEqual(["3"]);
    expect(values("host")).toEqual(["shop.example:8080"]);
    expect(values("x-kept")).toEqual(["2"]);
    expect(facts.length).toBe(3);
  });

  test("Via grows", () => {
    expect(forward(get(`${host}Via: 1.0 old\r\n`)).values("via")).toEqual(["1.0 old", "1.1 paas"]);
  });

  test("a POST without a body says so", () => {
    expect(forward(`POST / HTTP/1.1\r\n${host}\r\n`).values("content-length")).toEqual(["0"]);
    expect(forward(`POST / HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`).values("content-length")).toEqual(["0"]);
    expect(forward(get(host)).values("content-length")).toEqual([]);
  });

  test("repeated fields stay repeated and in order", () => {
    expect(forward(get(`${host}Cookie: a=1\r\nX-A: 1\r\ncookie: b=2\r\n`)).values("cookie")).toEqual(["a=1", "b=2"]);
  });

  test("an upgrade is passed on, an offer of HTTP/2 is not", () => {
    const upgrade = (to: string) => forward(get(`${host}Connection: Upgrade\r\nUpgrade: ${to}\r\n`));
    expect(upgrade("websocket").values("upgrade")).toEqual(["websocket"]);
    expect(upgrade("websocket").values("connection")).toEqual(["Upgrade"]);
    expect(upgrade("h2c").values("upgrade")).toEqual([]);
    expect(forward(get(`${host}Upgrade: websocket\r\n`)).values("upgrade")).toEqual([]);
  });

  test("no hop-by-hop field ever gets through", () => {
    const name = fc.constantFrom(
      "Connection",
      "keep-alive",
      "TE",
      "Upgrade",
      "Trailer",
      "Proxy-Connection",
      "X-A",
      "x-b",
    );
    const value = fc.constantFrom("x-a", "close, X-B", "trailers", "1", "");
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (pairs) => {
        const { values } = forward(get(host + pairs.map(([one, other]) => `${one}: ${other}\r\n`).join("")));
        for (const hop of ["keep-alive", "te", "trailer", "upgrade", "connection", "proxy-connection"]) {
          expect(values(hop)).toEqual([]);
        }
        const named = pairs.filter(([one]) => one === "Connection").flatMap(([, one]) => one.toLowerCase().split(", "));
        for (const one of named.filter((each) => each !== "")) expect(values(one)).toEqual([]);
      }),
    );
  });
});

describe("request id", () => {
  const idOf = (fields: string) => forward(get(host + fields)).facts.requestId;

  test.each(["abcdefghij0123456789", "A/b+c=-----------------"])("%s is kept", (id) => {
    expect(idOf(`X-Request-ID: ${id}\r\n`)).toBe(id);
  });

  test.each(["short", "x".repeat(201), "with space in the middle of it", 'quote"quote"quote"quote"'])(
    "%j is replaced",
    (id) => {
      expect(idOf(`X-Request-ID: ${id}\r\n`)).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test("two of them are replaced", () => {
    const line = "X-Request-ID: abcdefghij0123456789\r\n";
    expect(idOf(line + line)).toMatch(/^[0-9a-f-]{36}$/);
  });
});
