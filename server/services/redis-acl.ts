import { createHash } from "node:crypto";
import type { Account } from "./kind.ts";

export const usersCommand = "ACL USERS";

/** Who is not a binding's: the administrator and the one that everybody has who does not sign in. */
const own = new Set(["default", "paas"]);

/** Everything about data; not the server's settings, its users, nor its place in a cluster. */
const rights = "~* &* +@all -@admin -migrate -swapdb +client|list +config|get +slowlog|get +slowlog|len";

/** Redis commands that bring the users in line with the accounts; the last one keeps them over a restart. */
export function accessCommands(accounts: readonly Account[], users: readonly string[]): readonly string[] {
  const wanted = new Set(accounts.map((account) => account.username));
  const stale = users.filter((user) => !own.has(user) && !wanted.has(user));
  return [
    ...stale.map((user) => `ACL DELUSER ${user}`),
    ...accounts.map((account) => `ACL SETUSER ${account.username} reset on #${digest(account.password)} ${rights}`),
    "ACL SAVE",
  ];
}

/**
 * Lines of redis-cli's raw output after the answer to AUTH.
 * Empty when signing in failed, as redis-cli exits with 0 all the same.
 */
export function parseReplies(stdout: string): readonly string[] {
  const [first, ...replies] = stdout.split("\n").filter((line) => line !== "");
  return first === "OK" ? replies : [];
}

function digest(password: string): string {
  return createHash("sha256").update(password).digest("hex");
}
