import { createHash } from "node:crypto";
import path from "node:path";
import { AppError } from "../core/errors.ts";
import { hostOf, newPassword, plans, type ServiceKind, type Target } from "./kind.ts";
import { accessCommands, parseReplies, usersCommand } from "./redis-acl.ts";

const port = 6379;

export const redis: ServiceKind = {
  offering: { name: "redis", description: "Redis, a key-value store kept on disk", version: "8", plans },
  tags: ["redis", "key-value"],
  envName: "REDIS_URL",
  imageDir: path.join(import.meta.dirname, "images", "redis"),

  newSecret: () => ({ password: newPassword() }),

  container: (plan, secret) => ({
    // A rewrite of the log forks, and what changes meanwhile takes memory twice.
    args: ["--maxmemory", `${Math.floor(plan.memoryMb * 0.6)}mb`],
    // The container knows the digest of its password only; 192 random bits cannot be guessed from it.
    env: { PAAS_ADMIN_SHA256: createHash("sha256").update(adminPassword(secret)).digest("hex") },
    tmpfs: { "/tmp": "mode=1777,size=16m" },
  }),

  async problem(target) {
    const answer = (await redisCli(target, ["PING"])).at(0);
    return answer === "PONG" ? undefined : (answer ?? "no answer");
  },

  async syncAccess(target, accounts) {
    const users = await redisCli(target, [usersCommand]);
    const commands = accessCommands(accounts, users);
    const replies = await redisCli(target, commands);
    const problem = replies.find((reply) => !/^(OK|\d+)$/.test(reply));
    if (problem === undefined && replies.length === commands.length) return;
    throw new AppError("SERVICE_UNREACHABLE", { name: target.service.name, reason: problem ?? "no answer" });
  },

  credentials(service, account) {
    const host = hostOf(service);
    return {
      uri: `redis://${account.username}:${account.password}@${host}:${port}/0`,
      hostname: host,
      host,
      port,
      username: account.username,
      password: account.password,
    };
  },
};

/** Replies without that of signing in; empty while the server does not answer. */
async function redisCli(target: Target, commands: readonly string[]): Promise<readonly string[]> {
  const stdin = `${[`AUTH paas ${adminPassword(target.secret)}`, ...commands].join("\n")}\n`;
  const { stdout } = await target.exec({ argv: ["redis-cli"], stdin });
  return parseReplies(stdout);
}

function adminPassword(secret: Readonly<Record<string, unknown>>): string {
  return String(secret["password"]);
}
