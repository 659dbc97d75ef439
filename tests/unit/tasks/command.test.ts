import { describe, expect, test } from "vitest";
import type { ProcessType } from "../../../server/core/ids.ts";
import { commandArgv, commandString, quoteCommand, quoteWord } from "../../../server/tasks/command.ts";

const processes = [
  { type: "web" as ProcessType, command: "node server.js --port $PORT" },
  { type: "cmd" as ProcessType, command: undefined },
];

describe("quoteWord", () => {
  test("leaves plain words as they are and quotes all others", () => {
    expect(["ls", "./bin/x", "--a-b", "user@host:/p", "50%"].map(quoteWord)).toEqual([
      "ls",
      "./bin/x",
      "--a-b",
      "user@host:/p",
      "50%",
    ]);
    expect(["", "a b", "$HOME", "it's", "a\nb", "*", "~", "#x", "a;b"].map(quoteWord)).toEqual([
      "''",
      "'a b'",
      "'$HOME'",
      String.raw`'it'\''s'`,
      "'a\nb'",
      "'*'",
      "'~'",
      "'#x'",
      "'a;b'",
    ]);
  });
});

describe("quoteCommand", () => {
  test("sets variables that stand in front, and only there", () => {
    expect(quoteCommand(["A=1", "B=x y", "C=", "env", "D=1"])).toBe("A=1 B='x y' C= env 'D=1'");
  });

  test("a shell's grammar word in front is a command's name", () => {
    expect(quoteCommand(["if", "x"])).toBe("'if' x");
    expect(quoteCommand(["echo", "if"])).toBe("echo if");
  });
});

describe("commandString", () => {
  test("one word that is a process type stands for its command", () => {
    expect(commandString(["web"], processes)).toBe("node server.js --port $PORT");
    expect(commandString(["web", "x"], processes)).toBe("web x");
  });

  test("a process type without a command is the image's own", () => {
    expect(commandString(["cmd"], processes)).toBeUndefined();
    expect(commandArgv(["cmd"], processes, ["/bin/sh", "-c"])).toBeUndefined();
  });

  test("one argument is a line for the shell, as typed", () => {
    const line = 'psql $DATABASE_URL -c "select 1"';
    expect(commandArgv([line], processes, ["/bin/sh", "-c"])).toEqual(["/bin/sh", "-c", line]);
  });
});
