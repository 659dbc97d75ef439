import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/**
 * An address where packets get no answer, as that of a container that is gone: a program that listens, is stopped, and whose
 * queue is full, so that the kernel lets each further SYN fall.
 */
export interface SilentInstance extends AsyncDisposable {
  readonly port: number;
  /** It takes connections from now on, and answers each request with `awake`. */
  wake(): void;
}

const program = `
const server = require("node:http").createServer((req, res) => res.end("awake"));
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => console.log(server.address().port));
`;

export async function startSilentInstance(): Promise<SilentInstance> {
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const port = Number(line);
  child.kill("SIGSTOP");
  const queued: Socket[] = [];
  while (await isTaken(port, queued));
  return {
    port,
    wake: () => {
      for (const socket of queued) socket.destroy();
      child.kill("SIGCONT");
    },
    async [Symbol.asyncDispose]() {
      for (const socket of queued) socket.destroy();
      await end(child);
    },
  };
}

/** On loopback an answer comes within microseconds, or not at all. */
function isTaken(port: number, queued: Socket[]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(false);
    }, 300);
    socket.once("connect", () => {
      clearTimeout(timer);
      queued.push(socket);
      resolve(true);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
