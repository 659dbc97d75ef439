import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { parseProcfile } from "../../../server/builds/procfile.ts";

function problemOf(text: string): string {
  try {
    return `read as ${JSON.stringify(parseProcfile(text))}`;
  } catch (err) {
    if (err instanceof AppError) return `${err.message} | ${err.hint}`;
    throw err;
  }
}

describe("a Procfile", () => {
  test("gives its process types in order", () => {
    expect(parseProcfile("web: npm start\nworker: node worker.js --all\nrelease: npm run migrate\n")).toEqual([
      { type: "web", command: "npm start" },
      { type: "worker", command: "node worker.js --all" },
      { type: "release", command: "npm run migrate" },
    ]);
  });

  test("may have a byte order mark, CRLF, blank lines, comments and indentation", () => {
    expect(parseProcfile("\uFEFF# all\r\n\r\n  web:npm start\t\r\n#worker: off\r\n")).toEqual([
      { type: "web", command: "npm start" },
    ]);
  });

  test("keeps what the shell gives a meaning to", () => {
    const command = 'bin/x --port $PORT --name "a: b" # note';
    expect(parseProcfile(`web: ${command}`)).toEqual([{ type: "web", command }]);
  });

  test("reads back whatever was written by its grammar", () => {
    const type = fc.stringMatching(/^[A-Za-z0-9_-]{1,63}$/);
    const command = fc.stringMatching(/^[!-~]([ -~]*[!-~])?$/);
    const lineEnd = fc.constantFrom("\n", "\r\n", "\n\n# note\n");
    const entries = fc.uniqueArray(fc.record({ type, command }), { minLength: 1, selector: (e) => e.type });
    fc.assert(
      fc.property(entries, lineEnd, (wanted, end) => {
        const text = wanted.map((e) => `${e.type}: ${e.command}`).join(end);
        expect(parseProcfile(text)).toEqual(wanted);
      }),
    );
  });

  test("never fails in another way than with a message for the user", () => {
    fc.assert(fc.property(fc.string(), (text) => typeof problemOf(text) === "string"));
  });
});

describe("a Procfile is refused", () => {
  test.each([
    [
      "<<<<<<< HEAD\nweb: a\n",
      "Procfile line 1 cannot be read: <<<<<<< HEAD | This is a merge conflict: keep one side, remove the markers and commit.",
    ],
    [
      "web: a\n=======\nworker: b",
      "Procfile line 2 cannot be read: ======= | This is a merge conflict: keep one side, remove the markers and commit.",
    ],
    [
      "\n# x\r\nweb npm start\r\n",
      "Procfile line 3 cannot be read: web npm start | A colon is missing after the process type: web: npm start",
    ],
    ["web:", "Procfile line 1 cannot be read: web: | Write the command on the same line, like: web: npm start"],
    [
      "web.1: npm start",
      "Procfile line 1 cannot be read: web.1: npm start | Each line is TYPE: COMMAND with letters, digits, - and _ in the type, like: web: npm start",
    ],
    [
      "web: a\nworker: b\nweb: c",
      'Procfile names the process type "web" twice: on line 1 and on line 3. | Remove one of the two lines, or give one another name.',
    ],
    [
      "# nothing yet\n\n",
      "Procfile has no process type in it. | Write one line per process type, like: web: npm start. Or remove the file to use the buildpack's default.",
    ],
    [
      `${"w".repeat(64)}: x`,
      `"${"w".repeat(64)}" is not a valid process type. | Use letters, digits, dashes and underscores, at most 63: web, worker, mail_queue.`,
    ],
  ])("%j", (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test("with a long line shortened", () => {
    expect(problemOf("?".repeat(200))).toContain(`cannot be read: ${"?".repeat(80)}… |`);
  });
});
