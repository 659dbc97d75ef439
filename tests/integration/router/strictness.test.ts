import { expect, test } from "vitest";
import { routeTo, sendRaw, startDataPath, startInstance } from "./harness.ts";

const host = "Host: shop.test\r\n";

test.each([
  ["both lengths", `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  [
    "both lengths, the other way round",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
  ],
  ["two lengths", `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
  ["two equal lengths", `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`],
  ["a signed length", `POST / HTTP/1.1\r\n${host}Content-Length: +5\r\n\r\nhello`],
  ["a list of lengths", `POST / HTTP/1.1\r\n${host}Content-Length: 5, 5\r\n\r\nhello`],
  ["an obscured coding", `POST / HTTP/1.1\r\n${host}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  [
    "two codings",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
  ],
  ["a coding in HTTP/1.0", `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ["space before a colon", `GET / HTTP/1.1\r\n${host}X-A : 1\r\n\r\n`],
  ["a line end without CR", `GET / HTTP/1.1\n${host}\r\n`],
  ["a bare CR in a value", `GET / HTTP/1.1\r\n${host}X-A: 1\rX-B: 2\r\n\r\n`],
  ["NUL in a value", `GET / HTTP/1.1\r\n${host}X-A: 1\u00002\r\n\r\n`],
  ["two Hosts", `GET / HTTP/1.1\r\n${host}Host: other.test\r\n\r\n`],
  ["two equal Hosts", `GET / HTTP/1.1\r\n${host}${host}\r\n`],
  ["no Host", "GET / HTTP/1.1\r\nX-A: 1\r\n\r\n"],
  ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  ["a Host with a path", "GET / HTTP/1.1\r\nHost: shop.test/x\r\n\r\n"],
  [
    "a hexadecimal prefix of a chunk size",
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n`,
  ],
  ["chunk lines without CR", `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n`],
  ["another protocol", `GET / HTTP/3.0\r\n${host}\r\n`],
  ["no protocol", "GET /\r\n\r\n"],
])("%s is refused and the connection ends", async (_name, bytes) => {
  const whole: string[] = [];
  await using app = await startInstance((req, res) => {
    req.resume().once("end", () => {
      whole.push(req.url ?? "");
      res.end("served");
    });
  });
  await using router = await startDataPath([routeTo([app.target])]);
  const text = await sendRaw(router.port, `${bytes}GET /smuggled HTTP/1.1\r\n${host}\r\n`);
  expect(text).toMatch(/^(?:HTTP\/1\.1 (?:400|501|505) |$)/);
  expect(text).not.toContain("served");
  expect(whole).toEqual([]);
});

test("a head that is too large is 431", async () => {
  await using router = await startDataPath([routeTo([])]);
  const text = await sendRaw(router.port, `GET / HTTP/1.1\r\n${host}X-A: ${"a".repeat(100_000)}\r\n\r\n`, 5_000);
  expect(text).toMatch(/^HTTP\/1\.1 431 /);
});

test("too many fields are 431", async () => {
  await using router = await startDataPath([routeTo([])]);
  const text = await sendRaw(router.port, `GET / HTTP/1.1\r\n${host}${"X: 1\r\n".repeat(1_500)}\r\n`, 5_000);
  expect(text).toMatch(/^HTTP\/1\.1 431 /);
});

test("a folded field is never passed on as two lines", async () => {
  await using app = await startInstance((req, res) => void res.end(JSON.stringify(req.headers)));
  await using router = await startDataPath([routeTo([app.target])]);
  const text = await sendRaw(router.port, `GET / HTTP/1.1\r\n${host}X-A: 1\r\n X-Evil: 2\r\n\r\n`);
  expect(text).not.toMatch(/"x-evil"/);
});

test("CONNECT is refused", async () => {
  await using router = await startDataPath([routeTo([])]);
  expect(await sendRaw(router.port, `CONNECT shop.test:443 HTTP/1.1\r\n${host}\r\n`)).toMatch(/^HTTP\/1\.1 405 /);
});

test("an absolute target is taken with its own host", async () => {
  await using app = await startInstance((req, res) => void res.end(`${req.headers.host} ${req.url}`));
  await using router = await startDataPath([routeTo([app.target])]);
  const text = await sendRaw(router.port, "GET http://shop.test/a?b HTTP/1.1\r\nHost: other.test\r\n\r\n");
  expect(text).toMatch(/shop\.test \/a\?b/);
});

test("a request cannot forge a line of the log", async () => {
  await using router = await startDataPath([routeTo([], { host: "*.test" })]);
  const path = '/"%20status=200\\" at=info';
  const text = `GET ${path.replaceAll(" ", "")} HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: 1" dyno="web.9\r\n\r\n`;
  await sendRaw(router.port, text);
  expect(router.records[0]?.text).toContain('path="/\\"%20status=200\\\\\\"at=info" host=shop.test');
  expect(router.records[0]?.text).toContain('fwd="1\\" dyno=\\"web.9, 127.0.0.1" dyno= connect=');
});
