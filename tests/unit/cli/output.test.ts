import { expect, test } from "vitest";
import { renderLogLine } from "../../../cli/output/log-lines.ts";
import { age, moment } from "../../../cli/output/moment.ts";
import { shellQuote } from "../../../cli/output/shell.ts";
import { pairs, table } from "../../../cli/output/table.ts";
import { readRecords } from "../../../cli/records.ts";
import type { LogLine } from "../../../server/core/types.ts";

const line: LogLine = { at: 1_328_607_786_123.456, source: "app", process: "web.1", text: "hello ]: world" };

test("a log line has Heroku's format", () => {
  expect(renderLogLine(line, false)).toBe("2012-02-07T09:43:06.123456+00:00 app[web.1]: hello ]: world");
});

test("on a terminal the head of a log line has a colour, the same for the same process", () => {
  const [first, again, other] = ["web.1", "web.1", "worker.1"].map((process) =>
    renderLogLine({ ...line, process }, true),
  );
  expect(first).toMatch(/^\u001b\[[0-9]+m2012.*app\[web\.1\]:\u001b\[0m hello/);
  expect(again).toBe(first);
  expect(other?.slice(0, 5)).not.toBe(first?.slice(0, 5));
});

test("columns stand below each other and lines do not end in spaces", () => {
  expect(
    table(
      ["NAME", "URL"],
      [
        ["a", "http://a"],
        ["longer", ""],
      ],
    ),
  ).toEqual(["NAME    URL", "a       http://a", "longer"]);
  expect(
    pairs([
      ["A", "1"],
      ["LONG", "2"],
    ]),
  ).toEqual(["A:    1", "LONG: 2"]);
});

test("a moment is shown in UTC with its age in the largest unit", () => {
  const at = Date.parse("2026-01-01T10:00:00Z");
  expect(moment(at, at + 3_700_000)).toBe("2026-01-01 10:00:00 +0000 (~ 1h ago)");
  expect([age(-5), age(59_000), age(60_000), age(86_400_000 * 3)]).toEqual(["0s", "59s", "1m", "3d"]);
});

test("a value for a shell stays one word", () => {
  expect(shellQuote("plain-1.2/x")).toBe("plain-1.2/x");
  expect(shellQuote("it's $HOME")).toBe(`'it'\\''s $HOME'`);
  expect(shellQuote("")).toBe("''");
});

async function* chunks(...texts: readonly string[]): AsyncIterable<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test("records are read whatever the cuts, blank lines are skipped, the closing value is answered", async () => {
  const seen: unknown[] = [];
  const value = await readRecords(
    chunks('{"type":"li', 'ne","text":"-----> ä"}\n\n\n{"type":"result",', '"ok":true,"value":{"version":4}}\n'),
    (record) => void seen.push(record),
  );
  expect(seen).toEqual([{ type: "line", text: "-----> ä" }]);
  expect(value).toEqual({ version: 4 });
});

test.each([[""], ['{"type":"line","text":"done, v4"}\n'], ['{"type":"line","text":"x"}\n{"type":"result","ok":true']])(
  "a stream without a closing record is an error, not a success: %j",
  async (text) => {
    await expect(readRecords(chunks(text), () => undefined)).rejects.toMatchObject({
      name: "CliError",
      exitCode: 1,
      message: "The connection ended before the outcome was known.",
    });
  },
);

test.each([
  [403, 4],
  [401, 4],
  [422, 1],
])("a closing record with status %d ends with exit code %d", async (status, code) => {
  const record = { type: "result", ok: false, error: { code: "X", message: "No.", hint: "Try.", status } };
  const reading = readRecords(chunks(`${JSON.stringify(record)}\n`), () => undefined);
  await expect(reading).rejects.toMatchObject({ message: "No.", hint: "Try.", exitCode: code });
});
