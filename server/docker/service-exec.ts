import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import type { ExecRequest, ExecResult } from "../services/ports.ts";

const maxOutputBytes = 1024 * 1024;

/** Runs a command in a running container as the image's user, with `stdin` as its whole input. */
export async function runExec(
  container: Docker.Container,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<ExecResult> {
  const exec = await container.exec({
    Cmd: [...request.argv],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const onAbort = () => stream.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const [stdout, stderr] = [collect(), collect()];
    container.modem.demuxStream(stream, stdout.stream, stderr.stream);
    stream.end(request.stdin);
    await finished(stream, { writable: false });
    return { exitCode: await exitCodeOf(exec, signal), stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    signal.removeEventListener("abort", onAbort);
    stream.destroy();
  }
}

function collect(): { readonly stream: PassThrough; readonly text: () => string } {
  const chunks: Buffer[] = [];
  let size = 0;
  const stream = new PassThrough();
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxOutputBytes) chunks.push(chunk);
  });
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
}

/** The engine may close the stream a moment before it knows the exit code. */
async function exitCodeOf(exec: Docker.Exec, signal: AbortSignal): Promise<number> {
  for (;;) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await delay(10, undefined, { signal });
  }
}
