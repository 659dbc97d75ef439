import path from "node:path";
import { usageError, CliError } from "../failure.ts";
import { readAll } from "../io.ts";
import { moment } from "../output/moment.ts";
import { table } from "../output/table.ts";
import { parseCount } from "./releases.ts";
import type { Context } from "../context.ts";
import type { Input, Verb, VerbGroup, VerbOption } from "../verb.ts";

const ofUser: VerbOption = ["-u, --user <name>", "of another user (for admins)"];
const usualKeys = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"];

const keys: Verb = {
  name: "keys",
  summary: "list the ssh keys that may push",
  hasJson: true,
  options: [ofUser],
  examples: ["paas keys"],
  async run(context, input) {
    const found = await context.client.call("get", "/v1/keys", { query: userOf(input) });
    context.show(input, found, () => {
      if (found.length === 0) return ["There are no keys yet. Add yours with: paas keys:add"];
      return table(
        ["FINGERPRINT", "USER", "TITLE"],
        found.map((key) => [key.fingerprint, key.user, key.title]),
      );
    });
  },
};

const addKey: Verb = {
  name: "keys:add",
  summary: "register an ssh public key, your own unless told",
  args: ["[file]"],
  hasJson: true,
  options: [ofUser, ["--title <text>", "the key's comment unless told"]],
  examples: ["paas keys:add", "paas keys:add ~/.ssh/work.pub", "paas keys:add - < key.pub"],
  async run(context, input) {
    const publicKey = (await readKey(context, input.optionalArg(0))).trim();
    const title = input.option("title");
    const json = { publicKey, ...(title === undefined ? {} : { title }), ...userOf(input) };
    const key = await context.client.call("post", "/v1/keys", { json });
    context.show(input, key, () => [`Added the key ${key.fingerprint} of ${key.user}`]);
  },
};

const removeKey: Verb = {
  name: "keys:remove",
  summary: "remove an ssh key",
  args: ["<fingerprint>"],
  examples: ["paas keys:remove SHA256:2YQ…"],
  async run(context, input) {
    await context.client.call("delete", "/v1/keys", { query: { fingerprint: input.arg(0) } });
    context.print(`Removed the key ${input.arg(0)}`);
  },
};

const tokens: Verb = {
  name: "tokens",
  summary: "list the tokens, without their secrets",
  hasJson: true,
  options: [ofUser],
  examples: ["paas tokens"],
  async run(context, input) {
    const found = await context.client.call("get", "/v1/tokens", { query: userOf(input) });
    const now = context.io.now();
    context.show(input, found, () => {
      if (found.length === 0) return ["There are no tokens yet. Make one with: paas tokens:create laptop"];
      const rows = found.map((token) => [
        token.id,
        token.title,
        token.user,
        moment(token.createdAt, now),
        token.expiresAt === undefined ? "never" : new Date(token.expiresAt).toISOString(),
      ]);
      return table(["ID", "TITLE", "USER", "CREATED", "EXPIRES"], rows);
    });
  },
};

const createToken: Verb = {
  name: "tokens:create",
  summary: "make a token for the API and for git over http; it is shown once",
  args: ["[title]"],
  hasJson: true,
  options: [ofUser, ["--expires <time>", "ends after: 12h, 30d"]],
  examples: ["paas tokens:create laptop", "paas tokens:create ci --expires 30d"],
  async run(context, input) {
    const expires = input.option("expires");
    const json = {
      title: input.optionalArg(0) ?? "token",
      ...userOf(input),
      ...(expires === undefined ? {} : { expiresInMs: parseDuration(expires) }),
    };
    const token = await context.client.call("post", "/v1/tokens", { json });
    // The token alone on standard output: it can be piped on.
    if (!input.flag("json")) context.warn(`Made token ${token.id} for ${token.user}. It is shown only now:`);
    context.show(input, token, () => [token.token]);
  },
};

const revokeToken: Verb = {
  name: "tokens:revoke",
  summary: "make a token worthless",
  args: ["<id>"],
  examples: ["paas tokens:revoke k3v9x0q2m1ab"],
  async run(context, input) {
    await context.client.call("delete", "/v1/tokens/:id", { param: { id: input.arg(0) } });
    context.print(`Revoked token ${input.arg(0)}`);
  },
};

const users: Verb = {
  name: "users",
  summary: "list the users",
  hasJson: true,
  examples: ["paas users"],
  async run(context, input) {
    const found = await context.client.call("get", "/v1/users", {});
    context.show(input, found, () =>
      table(
        ["NAME", "ROLE", "SINCE"],
        found.map((user) => [user.name, user.role, moment(user.createdAt, context.io.now())]),
      ),
    );
  },
};

const addUser: Verb = {
  name: "users:add",
  summary: "add a user",
  args: ["<name>"],
  hasJson: true,
  options: [["--role <role>", "admin, developer or viewer"]],
  examples: ["paas users:add ann --role developer"],
  async run(context, input) {
    const role = input.option("role");
    const json = { name: input.arg(0), ...(role === undefined ? {} : { role }) };
    const user = await context.client.call("post", "/v1/users", { json });
    context.show(input, user, () => [
      `Added ${user.name} (${user.role})`,
      `Give them a key with: paas keys:add FILE --user ${user.name}`,
    ]);
  },
};

const setRole: Verb = {
  name: "users:role",
  summary: "give a user another role",
  args: ["<name>", "<role>"],
  hasJson: true,
  examples: ["paas users:role ann admin"],
  async run(context, input) {
    const request = { param: { user: input.arg(0) }, json: { role: input.arg(1) } };
    const user = await context.client.call("patch", "/v1/users/:user", request);
    context.show(input, user, () => [`${user.name} is ${user.role} now`]);
  },
};

const removeUser: Verb = {
  name: "users:remove",
  summary: "remove a user with all keys and tokens",
  args: ["<name>"],
  examples: ["paas users:remove ann"],
  async run(context, input) {
    await context.client.call("delete", "/v1/users/:user", { param: { user: input.arg(0) } });
    context.print(`Removed ${input.arg(0)}`);
  },
};

const audit: Verb = {
  name: "audit",
  summary: "show who changed what, the newest first",
  hasJson: true,
  options: [["-n, --num <count>", "how many, 50 unless told"]],
  examples: ["paas audit", "paas audit -n 500 --json"],
  async run(context, input) {
    const count = String(parseCount(input.option("num") ?? "50"));
    const found = await context.client.call("get", "/v1/audit", { query: { count } });
    context.show(input, found, () => {
      if (found.length === 0) return ["Nothing was changed yet."];
      const rows = found.map(({ at, actor, verb, resource }) => [moment(at, context.io.now()), actor, verb, resource]);
      return table(["WHEN", "BY", "WHAT", "OF"], rows);
    });
  },
};

export const accountVerbs: VerbGroup = {
  title: "Keys, tokens, users",
  verbs: [keys, addKey, removeKey, tokens, createToken, revokeToken, users, addUser, setRole, removeUser, audit],
};

function userOf(input: Input): { user?: string } {
  const user = input.option("user");
  return user === undefined ? {} : { user };
}

/** @throws CliError when there is no such file or it is not a public key */
async function readKey(context: Context, file: string | undefined): Promise<string> {
  if (file === "-") return readAll(context.io.stdin);
  const folder = path.join(context.local.home, ".ssh");
  const candidates = file === undefined ? usualKeys.map((name) => path.join(folder, name)) : [file];
  const text = candidates.map((name) => context.local.readFile(name)).find((found) => found !== undefined);
  if (text === undefined) {
    const what = file === undefined ? `a public key in ${folder}` : `a file ${file}`;
    throw new CliError(`There is not ${what}.`, "Make a key with: ssh-keygen -t ed25519");
  }
  if (text.includes("PRIVATE KEY")) {
    throw usageError("That is a private key; it was not sent.", "Name the file that ends in .pub.");
  }
  return text;
}

/** `90m`, `12h`, `30d`. @throws CliError (usage) */
export function parseDuration(raw: string): number {
  const [, number, unit = ""] = /^([1-9][0-9]{0,5})([mhd])$/.exec(raw) ?? [];
  const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
  const ms = Number(number) * (unitMs[unit] ?? Number.NaN);
  if (Number.isFinite(ms)) return ms;
  throw usageError(`"${raw}" is not a length of time.`, "Write it like 12h or 30d.");
}
