import { expect, test } from "vitest";
import { accountOf, newPassword } from "../../../server/services/kind.ts";
import { accessSql, databaseName } from "../../../server/services/postgres-sql.ts";
import { accessCommands, parseReplies } from "../../../server/services/redis-acl.ts";
import { scramVerifier } from "../../../server/services/scram.ts";

const account = { username: "shop_a1", password: "secret-of-shop" };

test("a password needs no quoting in a URL, in SQL or on a command line", () => {
  expect(newPassword()).toMatch(/^[\w-]{32}$/);
  expect(newPassword()).not.toBe(newPassword());
});

test("the verifier is the one of the example of RFC 7677", () => {
  const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
  expect(scramVerifier("pencil", salt)).toBe(
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  );
});

test("neither SQL nor Redis commands hold a password in the clear", () => {
  expect(accessSql("db", [account])).not.toContain(account.password);
  expect(accessCommands([account], []).join("\n")).not.toContain(account.password);
});

test("a database is named like its service, but never like one of the server's own", () => {
  expect(databaseName("stats-db")).toBe("stats_db");
  expect(databaseName("postgres")).toBe("postgres_db");
  expect(databaseName("template1")).toBe("template1_db");
});

test("Redis users that are not wanted go, the platform's own stay, and the list is saved last", () => {
  const commands = accessCommands([account], ["default", "paas", "old_b2", "shop_a1"]);
  expect(commands.map((command) => command.split(" ").slice(0, 3).join(" "))).toEqual([
    "ACL DELUSER old_b2",
    "ACL SETUSER shop_a1",
    "ACL SAVE",
  ]);
});

test("replies count only when signing in was answered with OK", () => {
  expect(parseReplies("OK\nPONG\n")).toEqual(["PONG"]);
  expect(parseReplies("WRONGPASS invalid username-password pair\n\nNOAUTH Authentication required.\n")).toEqual([]);
  expect(parseReplies("")).toEqual([]);
});

test("credentials hold an account only with both its parts", () => {
  expect(accountOf({ ...account, port: 5432 })).toEqual(account);
  expect(accountOf({ username: "shop_a1" })).toBeUndefined();
});
