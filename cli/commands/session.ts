import { Client } from "../client.ts";
import { describeConnection, parseAddress } from "../connection.ts";
import { CliError, exitCode, usageError } from "../failure.ts";
import { readAll, type Io } from "../io.ts";
import type { Context } from "../context.ts";
import type { Verb, VerbGroup } from "../verb.ts";

const login: Verb = {
  name: "login",
  summary: "use a daemon on another machine from here on; asks for a token",
  args: ["<url>"],
  isLocal: true,
  examples: ["paas login http://paas.example.test", "paas login http://paas.example.test < token"],
  async run(context, input) {
    const url = input.arg(0).replace(/\/+$/, "");
    if (url.startsWith("unix:"))
      throw usageError("A login is for a daemon elsewhere.", "Write its address: paas login http://paas.example.test");
    parseAddress(url, undefined);
    const token = context.io.env["PAAS_TOKEN"] || (await askToken(context));
    if (token === "")
      throw new CliError(
        "No token was given.",
        "Make one on the server with: paas tokens:create laptop",
        exitCode.notAllowed,
      );
    const actor = await new Client(parseAddress(url, token)).call("get", "/v1/whoami", {});
    context.local.writeLogin({ url, token });
    context.print(`Logged in to ${url} as ${actor.name} (${actor.role})`);
  },
};

const logout: Verb = {
  name: "logout",
  summary: "forget the login",
  isLocal: true,
  examples: ["paas logout"],
  async run(context) {
    context.local.removeLogin();
    context.print("Logged out. The token itself stays valid until: paas tokens:revoke ID");
  },
};

const whoami: Verb = {
  name: "whoami",
  summary: "show as whom, in which role and to which daemon you talk",
  hasJson: true,
  examples: ["paas whoami"],
  async run(context, input) {
    const actor = await context.client.call("get", "/v1/whoami", {});
    const where = describeConnection(context.client.connection);
    const who = `${actor.name} (${actor.role})`;
    context.show(input, actor, () => [context.isRemote ? who : `${who} at ${where}`]);
  },
};

const credential: Verb = {
  name: "git:credential",
  summary: "answer git's question for a password; git calls this by itself",
  args: ["<operation>"],
  isLocal: true,
  isHidden: true,
  examples: ["git config credential.http://127.0.0.1:7070.helper '!paas git:credential'"],
  async run(context, input) {
    const asked = parseQuestion(await readAll(context.io.stdin));
    if (input.arg(0) !== "get" || !(await isOurs(context, asked))) return;
    context.print("username=paas", `password=${await gitToken(context)}`);
  },
};

export const sessionVerbs: VerbGroup = { title: "Login", verbs: [login, logout, whoami, credential] };

interface Question {
  readonly protocol?: string;
  readonly host?: string;
}

/** `key=value` lines, as gitcredentials(7) has them. */
export function parseQuestion(text: string): Question {
  return Object.fromEntries(text.split("\n").map((line) => [line.split("=", 1)[0], line.slice(line.indexOf("=") + 1)]));
}

/** A token goes only to the daemon that it is for. */
async function isOurs({ client }: Context, { protocol, host }: Question): Promise<boolean> {
  const { connection } = client;
  if (connection.kind === "http" && `${protocol}:` === connection.url.protocol && host === connection.url.host)
    return true;
  const { apiPort, httpPort, domain } = await client.call("get", "/v1/system", {});
  const own = [
    `127.0.0.1:${apiPort}`,
    `localhost:${apiPort}`,
    `paas.${domain}${httpPort === 80 ? "" : `:${httpPort}`}`,
  ];
  return protocol === "http" && host !== undefined && own.includes(host);
}

const gitTokenLifeMs = 3_600_000;

/** The token of the connection, or for the owner on the socket, who needs none, one that soon ends. */
async function gitToken({ client }: Context): Promise<string> {
  if (client.connection.token !== undefined) return client.connection.token;
  const { token } = await client.call("post", "/v1/tokens", { json: { title: "git", expiresInMs: gitTokenLifeMs } });
  return token;
}

async function askToken({ io }: Context): Promise<string> {
  if (!io.stdin.isTTY) return (await readAll(io.stdin)).trim();
  io.stderr.write("Token: ");
  const token = await readHidden(io);
  io.stderr.write("\n");
  return token;
}

/** One line of a terminal, without showing it. */
function readHidden({ stdin }: Io): Promise<string> {
  stdin.setRawMode?.(true);
  return new Promise<string>((resolve, reject) => {
    let typed = "";
    const onData = (chunk: Buffer | string) => {
      for (const char of chunk.toString()) {
        if (char === "\r" || char === "\n") return end(() => resolve(typed.trim()));
        if (char === "\u0003" || char === "\u0004")
          return end(() => reject(new CliError("Nothing was changed.", "Run it again to log in.", 130)));
        typed = char === "\u007f" ? typed.slice(0, -1) : typed + char;
      }
    };
    const end = (settle: () => void) => {
      stdin.off("data", onData).pause();
      stdin.setRawMode?.(false);
      settle();
    };
    stdin.on("data", onData);
  });
}
