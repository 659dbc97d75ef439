import { PassThrough } from "node:stream";
import type { Io } from "../../../cli/io.ts";

/** Memory in place of the process: what was written stays readable. */
export function memoryIo(
  env: Record<string, string> = {},
  input = "",
): { io: Io; out: () => string; err: () => string } {
  const written = { out: "", err: "" };
  const terminal = (name: "out" | "err") => ({
    write: (chunk: string | Uint8Array) => {
      written[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
      return true;
    },
    once: () => undefined,
    on: () => undefined,
  });
  const stdin = new PassThrough();
  stdin.end(input);
  const now = () => Date.parse("2026-01-01T11:00:00Z");
  const io: Io = {
    stdin,
    stdout: terminal("out"),
    stderr: terminal("err"),
    env: { HOME: "/nowhere", ...env },
    cwd: "/",
    isRoot: false,
    now,
  };
  return { io, out: () => written.out, err: () => written.err };
}
