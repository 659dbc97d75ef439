import path from "node:path";
import { AppError } from "../core/errors.ts";
import { hostOf, plans, type ServiceKind, type Target } from "./kind.ts";
import { accessSql, databaseName } from "./postgres-sql.ts";

const port = 5432;
const maxConnections: Readonly<Record<string, number>> = { small: 50, medium: 100, large: 200, xlarge: 300 };

export const postgres: ServiceKind = {
  offering: { name: "postgres", description: "PostgreSQL, a relational database", version: "17", plans },
  tags: ["postgres", "postgresql", "relational"],
  envName: "DATABASE_URL",
  imageDir: path.join(import.meta.dirname, "images", "postgres"),

  newSecret: () => ({}),

  container: (plan) => ({
    args: [
      ...["-c", `shared_buffers=${plan.memoryMb / 4}MB`],
      ...["-c", `effective_cache_size=${(plan.memoryMb * 3) / 4}MB`],
      ...["-c", `max_connections=${maxConnections[plan.name] ?? 50}`],
    ],
    env: {},
    tmpfs: { "/run/postgresql": "uid=5432,gid=5432,mode=0700,size=1m", "/tmp": "mode=1777,size=64m" },
  }),

  async problem(target) {
    const { exitCode, stderr } = await psql(target, "SELECT 1;");
    return exitCode === 0 ? undefined : reasonOf(stderr);
  },

  async syncAccess(target, accounts) {
    const { exitCode, stderr } = await psql(target, accessSql(target.service.name, accounts));
    if (exitCode !== 0)
      throw new AppError("SERVICE_UNREACHABLE", { name: target.service.name, reason: reasonOf(stderr) });
  },

  credentials(service, account) {
    const host = hostOf(service);
    const database = databaseName(service.name);
    return {
      uri: `postgres://${account.username}:${account.password}@${host}:${port}/${database}`,
      hostname: host,
      host,
      port,
      username: account.username,
      password: account.password,
      name: database,
      dbname: database,
    };
  },
};

/** As superuser through the container's own socket. Stops at the first error. */
function psql(target: Target, sql: string) {
  const options = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"];
  const where = ["--host=/run/postgresql", "--username=postgres", "--dbname=postgres"];
  return target.exec({ argv: ["psql", ...options, ...where], stdin: sql });
}

function reasonOf(stderr: string): string {
  const line = stderr.split("\n").find((text) => /ERROR|FATAL|error:/.test(text)) ?? stderr.trim();
  return line.replace(/^psql:[^ ]* */, "").slice(0, 200) || "psql failed";
}
