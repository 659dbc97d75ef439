import type { Account } from "./kind.ts";
import { scramVerifier } from "./scram.ts";
import { quoteIdentifier, quoteLiteral } from "./sql.ts";

/** Owns the database and, by `SET role`, whatever any binding makes in it. */
const owner = "paas_owner";
const reserved = new Set(["postgres", "template0", "template1"]);

/** The database of a service: its name with underscores for dashes. */
export function databaseName(serviceName: string): string {
  const name = serviceName.replaceAll("-", "_");
  return reserved.has(name) ? `${name}_db` : name;
}

/** A psql script that brings the database, its owner and the login roles in line with the accounts. Idempotent. */
export function accessSql(serviceName: string, accounts: readonly Account[]): string {
  const database = databaseName(serviceName);
  const stale = staleRoles(accounts.map((account) => account.username));
  const script = [
    "\\set VERBOSITY terse",
    ...databaseSql(database),
    ...closeSql(stale),
    `\\connect ${quoteIdentifier(database)}`,
    ...dropSql(stale),
    ...accounts.flatMap(accountSql),
  ];
  return `${script.join("\n")}\n`;
}

// psql's \gexec runs each field of the result as a statement of its own, row by row.

function databaseSql(database: string): readonly string[] {
  const createOwner = `CREATE ROLE ${quoteIdentifier(owner)} NOLOGIN`;
  const createDatabase = `CREATE DATABASE ${quoteIdentifier(database)} OWNER ${quoteIdentifier(owner)}`;
  return [
    `SELECT ${quoteLiteral(createOwner)} WHERE ${missingRole(owner)} \\gexec`,
    `SELECT ${quoteLiteral(createDatabase)}`,
    `WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = ${quoteLiteral(database)}) \\gexec`,
    // The server is the service's alone: its apps may see and end each other's sessions.
    `GRANT pg_monitor, pg_signal_backend TO ${quoteIdentifier(owner)};`,
    `REVOKE ALL ON DATABASE postgres, template1, ${quoteIdentifier(database)} FROM PUBLIC;`,
  ];
}

/** Closed to new sessions first, then the open ones end. */
function closeSql(stale: string): readonly string[] {
  return [
    `SELECT format('ALTER ROLE %I NOLOGIN', rolname) FROM ${stale} \\gexec`,
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity JOIN ${stale} ON usename = rolname \\g /dev/null`,
  ];
}

/** A role may own something after all, when its user did `RESET ROLE`. */
function dropSql(stale: string): readonly string[] {
  const statements = [`REASSIGN OWNED BY %I TO ${quoteIdentifier(owner)}`, "DROP OWNED BY %I", "DROP ROLE %I"];
  const fields = statements.map((text) => `format(${quoteLiteral(text)}, rolname)`);
  return [`SELECT ${fields.join(", ")} FROM ${stale} \\gexec`];
}

/** A role is made once; that it acts as the owner is said each time, as a kill may come in between. */
function accountSql(account: Account): readonly string[] {
  const role = quoteIdentifier(account.username);
  const verifier = quoteLiteral(scramVerifier(account.password));
  const create = `CREATE ROLE ${role} LOGIN PASSWORD ${verifier} IN ROLE ${quoteIdentifier(owner)}`;
  return [
    `SELECT ${quoteLiteral(create)} WHERE ${missingRole(account.username)} \\gexec`,
    `ALTER ROLE ${role} SET role = ${quoteLiteral(owner)};`,
  ];
}

function missingRole(name: string): string {
  return `NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteLiteral(name)})`;
}

/** A table expression: those with the owner's rights that are not wanted. */
function staleRoles(wanted: readonly string[]): string {
  return [
    "(SELECT m.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member",
    `JOIN pg_roles r ON r.oid = a.roleid WHERE r.rolname = ${quoteLiteral(owner)}`,
    `AND m.rolname <> ALL (ARRAY[${wanted.map(quoteLiteral).join(", ")}]::name[])) AS stale`,
  ].join(" ");
}
