import { once } from "node:events";
import { connect } from "node:net";
import { PassThrough } from "node:stream";
import { beforeAll, expect, test } from "vitest";
import { createSshVerbs, type VerbStreams } from "../../../server/api/ssh-verbs.ts";
import { AppError } from "../../../server/core/errors.ts";
import { encodeJsonFrame, frameType } from "../../../server/core/frames.ts";
import { waitFor } from "../../../server/core/time.ts";
import { tokens } from "../../support/fake-api.ts";
import { fakeState } from "../../support/fake-platform.ts";
import { bundle, bundleCli, startTestApi, type TestApi } from "./setup.ts";

beforeAll(bundleCli);

const every = { every: 10, signal: AbortSignal.timeout(60_000) };

test("run carries input, output and the exit code of the command", async () => {
  await using api = await startTestApi(fakeState("shop"));
  expect(await api.paas(["run", "-a", "shop", "cat", "-n"], { input: "hello\n" })).toEqual({
    code: 6,
    stdout: "cat -n\nhello\n",
    stderr: "",
  });
});

test("run works over the port with a token too", async () => {
  await using api = await startTestApi(fakeState("shop"));
  const env = { PAAS_URL: api.url, PAAS_TOKEN: tokens.ann };
  expect(await api.paas(["run", "-a", "shop", "cat"], { env })).toMatchObject({ code: 0, stdout: "cat\n" });
});

test("ps:exec runs in the instance that is named, a shell when no command is", async () => {
  await using api = await startTestApi(fakeState("shop"));
  expect((await api.paas(["ps:exec", "web.1", "-a", "shop", "--", "ls", "-la"])).stdout).toBe("web.1 ls -la\n");
  expect((await api.paas(["ps:exec", "-a", "shop", "web.2"])).stdout).toBe("web.2\n");
});

test("10 MB go in and come out whole", async () => {
  await using api = await startTestApi(fakeState("shop"));
  const input = "0123456789abcdef".repeat(655_360);
  const { code, stdout } = await api.paas(["run", "-a", "shop", "cat"], { input });
  expect(stdout.length).toBe("cat\n".length + input.length);
  expect(stdout.endsWith(input)).toBe(true);
  expect(code).toBe(input.length & 0xff);
});

test("an error of the platform ends a run with its line and hint", async () => {
  await using api = await startTestApi(fakeState());
  const { code, stderr } = await api.paas(["run", "-a", "shop", "ls"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: There is no app "shop"\.\n.+\n$/);
});

test("a client that goes away ends its command", async () => {
  const state = fakeState("shop");
  state.command = async (_words, { stdout }, signal) => {
    stdout(Buffer.from("ready\n"));
    await once(signal, "abort");
    state.done.push("aborted");
    return 0;
  };
  await using api = await startTestApi(state);
  const child = api.spawn(["run", "-a", "shop", "sleep"]);
  await once(child.stdout ?? child, "data");
  child.kill("SIGKILL");
  await waitFor(() => state.done.includes("aborted"), every);
});

/** The raw answer to a hand-written upgrade. */
async function upgradeBy(api: TestApi, headers: readonly string[], after?: Uint8Array): Promise<string> {
  const socket = connect(api.port, "127.0.0.1");
  const head = ["GET /v1/apps/shop/run HTTP/1.1", "Connection: Upgrade", "Upgrade: paas-stream", ...headers];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  if (after) socket.write(after);
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  await once(socket, "close");
  return text;
}

test("a stream is refused without a token, without rights and to foreign host names", async () => {
  await using api = await startTestApi(fakeState("shop"));
  const host = "Host: localhost";
  expect(await upgradeBy(api, [host])).toMatch(/^HTTP\/1.1 401 /);
  expect(await upgradeBy(api, [host, `Authorization: Bearer ${tokens.bob}`])).toMatch(/^HTTP\/1.1 403 /);
  expect(await upgradeBy(api, ["Host: evil.test", `Authorization: Bearer ${tokens.ann}`])).toMatch(/^HTTP\/1.1 403 /);
});

test("what is not a frame ends the stream, and no command is started", async () => {
  const state = fakeState("shop");
  state.command = async () => (state.done.push("started"), 0);
  await using api = await startTestApi(state);
  const headers = ["Host: localhost", `Authorization: Bearer ${tokens.ann}`];
  for (const bytes of [Buffer.from("GET / HTTP/1.1\r\n"), encodeJsonFrame(frameType.open, { command: "ls" })]) {
    expect(await upgradeBy(api, headers, bytes)).toMatch(/^HTTP\/1.1 101 /);
  }
  expect(state.done).toEqual([]);
});

function memoryStreams(tty?: VerbStreams["tty"]) {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough(), tty };
  let text = "";
  for (const stream of [streams.stdout, streams.stderr]) stream.on("data", (chunk) => (text += chunk.toString()));
  return { streams, text: () => text };
}

function sshVerbs(api: TestApi, revoked: string[] = []) {
  return createSshVerbs({
    node: process.execPath,
    bundle,
    socketPath: api.socketPath,
    issueToken: ({ name }) => ({ token: `token-of-${name}`, revoke: () => revoked.push(name) }),
  });
}

const ann = { kind: "user", name: "ann" } as const;
const bob = { kind: "user", name: "bob" } as const;

test("a verb over ssh acts as the person who came, and its token ends with it", async () => {
  const state = fakeState("shop");
  await using api = await startTestApi(state);
  const revoked: string[] = [];
  const verbs = sshVerbs(api, revoked);
  const allowed = memoryStreams();
  expect(await verbs.run(ann, ["ps:scale", "web=2", "-a", "shop"], allowed.streams, every.signal)).toBe(0);
  expect(state.done).toEqual(['scale shop {"web":2} by ann']);
  const refused = memoryStreams();
  expect(await verbs.run(bob, ["ps:scale", "web=9", "-a", "shop"], refused.streams, every.signal)).toBe(4);
  expect(state.done.length).toBe(1);
  expect(revoked).toEqual(["ann", "bob"]);
});

test("a verb over ssh that ends its own token has done what it was asked", async () => {
  await using api = await startTestApi(fakeState());
  const verbs = createSshVerbs({
    node: process.execPath,
    bundle,
    socketPath: api.socketPath,
    issueToken: () => ({
      token: tokens.ann,
      revoke: () => {
        throw new AppError("TOKEN_NOT_FOUND", { token: "t1" });
      },
    }),
  });
  expect(await verbs.run(ann, ["tokens:revoke", "t1"], memoryStreams().streams, every.signal)).toBe(0);
});

test.each([
  [["--eval", "process.stdout.write('injected')"]],
  [["--require", "/etc/hostname"]],
  [["--env-file=/etc/hostname", "apps"]],
  [["--inspect", "apps"]],
  [["-p", "1+1"]],
])("options of Node are not taken over ssh: %o", async (argv) => {
  await using api = await startTestApi(fakeState());
  const { streams, text } = memoryStreams();
  expect(await sshVerbs(api).run(ann, argv, streams, every.signal)).toBe(2);
  expect(text()).toMatch(/^error: /);
  expect(text()).not.toContain("injected");
});

test("a verb over ssh that is given up ends", async () => {
  const state = fakeState("shop");
  await using api = await startTestApi(state);
  const gone = new AbortController();
  const { streams } = memoryStreams();
  const running = sshVerbs(api).run(ann, ["logs", "--tail", "-a", "shop"], streams, gone.signal);
  setTimeout(() => gone.abort(), 300);
  expect(await running).not.toBe(0);
  await waitFor(() => state.done.includes("tail ended"), every);
});

test("a caller's terminal reaches the command, and so do its new sizes", async () => {
  const state = fakeState("shop");
  const sizes: string[] = [];
  state.command = async (_words, { tty, stdout, onResize }) => {
    sizes.push(`${tty?.columns}x${tty?.rows}`);
    const resized = new Promise<void>((resolve) =>
      onResize?.((columns, rows) => {
        sizes.push(`${columns}x${rows}`);
        resolve();
      }),
    );
    stdout(Buffer.from("ready\n"));
    await resized;
    return 3;
  };
  await using api = await startTestApi(state);
  let resize: (columns: number, rows: number) => void = () => undefined;
  const { streams, text } = memoryStreams({ columns: 80, rows: 24, onResize: (listener) => (resize = listener) });
  const running = sshVerbs(api).run(ann, ["run", "-a", "shop", "bash"], streams, every.signal);
  await waitFor(() => text().includes("ready"), every);
  resize(120, 40);
  expect(await running).toBe(3);
  expect(sizes).toEqual(["80x24", "120x40"]);
});
