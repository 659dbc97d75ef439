import type { CertView } from "../../server/api/platform.ts";
import type { Shown } from "../client.ts";
import type { Context } from "../context.ts";
import { CliError, exitCode, usageError } from "../failure.ts";
import { readAll } from "../io.ts";
import { table } from "../output/table.ts";
import type { Verb, VerbGroup } from "../verb.ts";

const list: Verb = {
  name: "certs",
  summary: "list the certificates, and what keeps one from coming",
  hasJson: true,
  examples: ["paas certs", "paas certs --json"],
  async run(context, input) {
    const all = await context.client.call("get", "/v1/certs", {});
    context.show(input, all, () => {
      if (all.length === 0)
        return ["There are no certificates. Bring one with: paas certs:add DOMAIN --cert FILE --key FILE"];
      const rows = all.map((one) => [
        one.names.join(" "),
        one.source,
        one.state,
        one.issuer ?? "-",
        day(one.expiresAt),
        day(one.renewsAt),
      ]);
      const head = ["DOMAIN", "SOURCE", "STATE", "ISSUER", "EXPIRES", "RENEWS"];
      return [...table(head, rows), ...all.flatMap(problemOf)];
    });
  },
};

const add: Verb = {
  name: "certs:add",
  summary: "bring a certificate of your own, a wildcard too",
  args: ["<domain...>"],
  hasJson: true,
  options: [
    ["--cert <file>", "PEM: the certificate, then its chain; the standard input unless told"],
    ["--key <file>", "PEM: the private key; in the file of the certificate unless told"],
  ],
  examples: [
    "paas certs:add www.example.test --cert fullchain.pem --key key.pem",
    "paas certs:add '*.example.test' example.test --cert both.pem",
    "cat fullchain.pem key.pem | ssh -p 2222 paas@host certs:add www.example.test",
  ],
  async run(context, input) {
    const certFile = input.option("cert");
    const keyFile = input.option("key");
    const chain = certFile === undefined || certFile === "-" ? await readInput(context) : read(context, certFile);
    const key = keyFile === undefined ? chain : read(context, keyFile);
    const certificate = /-----BEGIN CERTIFICATE[\s\S]*/.exec(chain)?.[0] ?? chain;
    const json = { names: [...input.args], chain: certificate, key: keyOf(key) };
    const added = await context.client.call("post", "/v1/certs", { json });
    context.show(input, added, () => [
      `Serving a certificate for ${added.names.join(", ")} until ${day(added.expiresAt)}`,
    ]);
    if (!added.isComplete) {
      context.warn(
        `The chain does not end at a certificate that clients know: its last one was issued by ${added.issuer ?? "somebody else"}.`,
        "If clients complain, put the intermediate certificates behind it in the same file and add it again.",
      );
    }
  },
};

const remove: Verb = {
  name: "certs:remove",
  summary: "remove the certificates that hold a domain",
  args: ["<domain>"],
  examples: ["paas certs:remove www.example.test"],
  async run(context, input) {
    const name = input.arg(0);
    const removed = await context.client.call("delete", "/v1/certs", { query: { name } });
    context.print(`Removed the certificate for ${removed.flatMap((one) => one.names).join(", ")}`);
    if (removed.some((one) => one.source === "acme"))
      context.print(`No other is asked for until: paas certs:auto ${name} on`);
  },
};

const auto: Verb = {
  name: "certs:auto",
  summary: "get and renew certificates by themselves, for an app or a domain; on also tries again at once",
  args: ["<app-or-domain>", "<on|off>"],
  examples: ["paas certs:auto www.example.test on", "paas certs:auto shop off"],
  async run(context, input) {
    const [name, value] = [input.arg(0), input.arg(1)];
    if (value !== "on" && value !== "off")
      throw usageError(`"${value}" is neither on nor off.`, `Write it like: paas certs:auto ${name} on`);
    const json = { name, on: value === "on" };
    const { hosts, app } = await context.client.call("put", "/v1/certs/auto", { json });
    const whose = app === undefined ? hosts.join(", ") : `all domains of ${app}`;
    context.print(
      json.on
        ? `Certificates for ${whose} are asked for and renewed by themselves. See how it goes: paas certs`
        : `No certificates are asked for any more for ${whose}. Those that are there stay in use.`,
    );
  },
};

export const certVerbs: VerbGroup = { title: "Certificates", verbs: [list, add, remove, auto] };

function problemOf({ names, problem, retryAt }: Shown<CertView>): readonly string[] {
  if (problem === undefined) return [];
  const again = retryAt === undefined ? "" : ` (again after ${new Date(retryAt).toISOString()})`;
  return ["", `${names.join(" ")}: ${problem}${again}`];
}

function day(at: number | undefined): string {
  return at === undefined ? "-" : new Date(at).toISOString().slice(0, 16).replace("T", " ");
}

function read(context: Context, file: string): string {
  const text = context.local.readFile(file);
  if (text === undefined) throw new CliError(`There is no file ${file}.`, "Check the path.", exitCode.failed);
  return text;
}

async function readInput(context: Context): Promise<string> {
  if (context.io.stdin.isTTY === true)
    throw usageError("No certificate is given.", "Name its file with --cert, or give it on the standard input.");
  return await readAll(context.io.stdin);
}

/** The private key's own block, so that nothing else of the file goes along. */
function keyOf(text: string): string {
  return /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----\n?/.exec(text)?.[0] ?? "none";
}
