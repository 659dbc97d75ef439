import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatLine } from "../../../server/core/log-line.ts";
import { cleanText, maxLineBytes, splitText } from "../../../server/logs/text.ts";

const herokuPattern = /^(.*?\[([\w-]+)([\d.]+)?]:)(.*)?$/;

describe("formatLine", () => {
  test("writes Heroku's format with microseconds", () => {
    const line = { at: 1328607786123.456, source: "app", process: "web.1", text: "GET /" } as const;
    expect(formatLine(line)).toBe("2012-02-07T09:43:06.123456+00:00 app[web.1]: GET /");
  });

  test("shows requests as the platform's router and builds with their number", () => {
    const at = Date.UTC(2024, 0, 2);
    expect(formatLine({ at, source: "router", process: "router", text: "at=info" })).toBe(
      "2024-01-02T00:00:00.000000+00:00 paas[router]: at=info",
    );
    expect(formatLine({ at, source: "build", process: "build.7", text: "x" })).toContain(" build[build.7]: x");
  });

  test("is read by Heroku's own pattern", () => {
    const shown = formatLine({ at: 1.5, source: "app", process: "mail-queue.12", text: "a]: b" });
    expect(herokuPattern.exec(shown)?.slice(2, 5)).toEqual(["mail-queue", ".12", " a]: b"]);
  });

  test("a colour that a line leaves on ends with it", () => {
    const shown = (text: string) => formatLine({ at: 0, source: "app", process: "web.1", text });
    expect(shown("\u001b[31mred").endsWith("red\u001b[0m")).toBe(true);
    expect(shown("\u001b[31mred\u001b[0m plain").endsWith("plain")).toBe(true);
    expect(shown("\u001b[31mred\u001b[m").endsWith("\u001b[m")).toBe(true);
  });
});

describe("cleanText", () => {
  test("keeps tabs, colours and any script", () => {
    const text = "\ta \u001b[1;31mbold\u001b[0m grüß 日本 🎉";
    expect(cleanText(text)).toBe(text);
  });

  test("shows what would clear the screen, move the cursor or start a line of its own", () => {
    expect(cleanText("a\u001b[2Jb")).toBe("a\\x1b[2Jb");
    expect(cleanText("\u009b2J\u0000\u0007")).toBe("\\x9b2J\\x00\\x07");
    expect(cleanText("ok\r2012-02-07 app[web.1]: forged")).toBe("ok\\x0d2012-02-07 app[web.1]: forged");
    expect(cleanText("a\nb\u2028c")).toBe("a\\x0ab\\u2028c");
    expect(cleanText("\u001b]0;title\u0007")).toBe("\\x1b]0;title\\x07");
  });

  test("leaves no control character but tab and those of colours, whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const rest = cleanText(text).replace(/\u001b\[[0-9;:]*m/g, "");
        expect(rest).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/);
        expect(rest.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe("splitText", () => {
  test("leaves a line of the longest length whole and cuts a longer one", () => {
    expect(splitText("x".repeat(maxLineBytes))).toHaveLength(1);
    expect(splitText("x".repeat(maxLineBytes + 1)).map((piece) => piece.length)).toEqual([maxLineBytes, 1]);
  });

  test("loses nothing and cuts no character and no colour", () => {
    const part = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("\u001b[38;5;196m", "\u001b[0m", "🎉"));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), fc.integer({ min: 16, max: 60 }), (parts, maxBytes) => {
        const text = cleanText(parts.join(""));
        const pieces = splitText(text, maxBytes);
        expect(pieces.join("")).toBe(text);
        for (const piece of pieces) {
          expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(maxBytes);
          expect(piece.isWellFormed()).toBe(true);
          expect(piece.replace(/\u001b\[[0-9;:]*m/g, "")).not.toContain("\u001b");
        }
      }),
    );
  });
});
