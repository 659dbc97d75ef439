import { integer, primaryKey, sqliteTable, text, uniqueIndex } from "./drizzle.ts";

// Times are milliseconds since the epoch. Columns named *_sealed hold AES-GCM sealed JSON (see seal.ts).

export const settings = sqliteTable("settings", {
  key: text("key").primaryKey(),
  value: text("value").notNull(),
});

export const spaces = sqliteTable("spaces", {
  name: text("name").primaryKey(),
  createdAt: integer("created_at").notNull(),
});

const space = () =>
  text("space")
    .notNull()
    .references(() => spaces.name);

export const apps = sqliteTable("apps", {
  id: text("id").primaryKey(),
  name: text("name").notNull().unique(),
  space: space(),
  deployBranch: text("deploy_branch"),
  stopped: integer("stopped", { mode: "boolean" }).notNull().default(false),
  /** Set while the app is being destroyed; a daemon that starts finishes it. */
  destroying: integer("destroying", { mode: "boolean" }).notNull().default(false),
  configSealed: text("config_sealed").notNull(),
  checks: text("checks", { mode: "json" }).notNull(),
  currentGeneration: text("current_generation"),
  createdAt: integer("created_at").notNull(),
});

const app = () =>
  text("app_id")
    .notNull()
    .references(() => apps.id, { onDelete: "cascade" });

/** What an app was told beside its config vars: one JSON value a key, read and checked by the part that owns the key. */
export const appSettings = sqliteTable(
  "app_settings",
  {
    appId: app(),
    key: text("key").notNull(),
    value: text("value", { mode: "json" }).notNull(),
  },
  (t) => [primaryKey({ columns: [t.appId, t.key] })],
);

export const builds = sqliteTable(
  "builds",
  {
    id: text("id").primaryKey(),
    appId: app(),
    number: integer("number").notNull(),
    commit: text("commit_sha").notNull(),
    /** Where it came from; null is a push. */
    source: text("source", { mode: "json" }),
    actor: text("actor").notNull(),
    status: text("status").notNull(),
    reason: text("reason"),
    createdAt: integer("created_at").notNull(),
    finishedAt: integer("finished_at"),
  },
  (t) => [uniqueIndex("builds_app_number").on(t.appId, t.number)],
);

export const droplets = sqliteTable("droplets", {
  id: text("id").primaryKey(),
  appId: app(),
  buildId: text("build_id").notNull(),
  commit: text("commit_sha").notNull(),
  imageId: text("image_id").notNull(),
  content: text("content", { mode: "json" }).notNull(),
  createdAt: integer("created_at").notNull(),
});

export const releases = sqliteTable(
  "releases",
  {
    appId: app(),
    version: integer("version").notNull(),
    dropletId: text("droplet_id").notNull(),
    commit: text("commit_sha").notNull(),
    configSealed: text("config_sealed").notNull(),
    processes: text("processes", { mode: "json" }).notNull(),
    checks: text("checks", { mode: "json" }).notNull(),
    description: text("description").notNull(),
    actor: text("actor").notNull(),
    status: text("status").notNull(),
    reason: text("reason"),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [primaryKey({ columns: [t.appId, t.version] })],
);

export const generations = sqliteTable("generations", {
  id: text("id").primaryKey(),
  appId: app(),
  version: integer("version").notNull(),
  /** `active` while it rolls out, then `succeeded` or `failed`. At most one active per app. */
  status: text("status").notNull(),
  cause: text("cause"),
  /** Process type → cohort, for types whose instances are taken over from the generation before. */
  cohorts: text("cohorts", { mode: "json" }).notNull(),
  /** What the formation becomes with it; null leaves it as it is. */
  formation: text("formation", { mode: "json" }),
  /** Environment from service bindings as it was when the roll-out began. */
  bindingEnvSealed: text("binding_env_sealed").notNull(),
  createdAt: integer("created_at").notNull(),
});

export const formation = sqliteTable(
  "formation",
  {
    appId: app(),
    type: text("type").notNull(),
    count: integer("count").notNull(),
    memoryMb: integer("memory_mb").notNull(),
    cpus: integer("cpus_milli").notNull(),
  },
  (t) => [primaryKey({ columns: [t.appId, t.type] })],
);

export const routes = sqliteTable(
  "routes",
  {
    id: text("id").primaryKey(),
    host: text("host").notNull(),
    path: text("path").notNull(),
    space: space(),
    appId: text("app_id").references(() => apps.id, { onDelete: "set null" }),
    type: text("type").notNull(),
    port: integer("port"),
    /** Where the route is shared: its part of the requests. */
    weight: integer("weight"),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [uniqueIndex("routes_host_path").on(t.host, t.path)],
);

/** What a route does beside forwarding; there are secrets in it. */
export const routePolicies = sqliteTable("route_policies", {
  routeId: text("route_id")
    .primaryKey()
    .references(() => routes.id, { onDelete: "cascade" }),
  policySealed: text("policy_sealed").notNull(),
});

/** Apps that answer a part of a route's requests beside the one that holds it. */
export const routeShares = sqliteTable(
  "route_shares",
  {
    routeId: text("route_id")
      .notNull()
      .references(() => routes.id, { onDelete: "cascade" }),
    appId: app(),
    type: text("type").notNull(),
    port: integer("port"),
    weight: integer("weight").notNull(),
  },
  (t) => [primaryKey({ columns: [t.routeId, t.appId] })],
);

/** A port of the machine whose connections go to an app as they are. */
export const tcpRoutes = sqliteTable("tcp_routes", {
  listenPort: integer("listen_port").primaryKey(),
  space: space(),
  appId: text("app_id").references(() => apps.id, { onDelete: "set null" }),
  type: text("type").notNull(),
  port: integer("port"),
  proxyProtocol: text("proxy_protocol"),
  createdAt: integer("created_at").notNull(),
});

export const certificates = sqliteTable("certificates", {
  id: text("id").primaryKey(),
  names: text("names", { mode: "json" }).notNull(),
  source: text("source").notNull(),
  issuer: text("issuer").notNull(),
  /** PEM, leaf first. */
  chain: text("chain").notNull(),
  keySealed: text("key_sealed").notNull(),
  notBefore: integer("not_before").notNull(),
  notAfter: integer("not_after").notNull(),
  createdAt: integer("created_at").notNull(),
});

/** What was said and what happened about the certificate of a name. */
export const certificateNames = sqliteTable("certificate_names", {
  name: text("name").primaryKey(),
  auto: integer("auto", { mode: "boolean" }),
  failures: integer("failures").notNull().default(0),
  problem: text("problem"),
  retryAt: integer("retry_at"),
});

export const acmeAccounts = sqliteTable("acme_accounts", {
  directory: text("directory").primaryKey(),
  url: text("url"),
  keySealed: text("key_sealed").notNull(),
});

export const services = sqliteTable(
  "services",
  {
    id: text("id").primaryKey(),
    name: text("name").notNull(),
    space: space(),
    offering: text("offering").notNull(),
    plan: text("plan"),
    status: text("status").notNull(),
    reason: text("reason"),
    credentialsSealed: text("credentials_sealed").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [uniqueIndex("services_space_name").on(t.space, t.name)],
);

export const bindings = sqliteTable(
  "bindings",
  {
    id: text("id").primaryKey(),
    serviceId: text("service_id")
      .notNull()
      .references(() => services.id),
    appId: app(),
    envName: text("env_name"),
    credentialsSealed: text("credentials_sealed").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (t) => [uniqueIndex("bindings_service_app").on(t.serviceId, t.appId)],
);

export const users = sqliteTable("users", {
  name: text("name").primaryKey(),
  role: text("role").notNull(),
  createdAt: integer("created_at").notNull(),
});

export const keys = sqliteTable("keys", {
  fingerprint: text("fingerprint").primaryKey(),
  user: text("user_name")
    .notNull()
    .references(() => users.name, { onDelete: "cascade" }),
  title: text("title").notNull(),
  publicKey: text("public_key").notNull(),
  createdAt: integer("created_at").notNull(),
});

export const tokens = sqliteTable("tokens", {
  id: text("id").primaryKey(),
  user: text("user_name")
    .notNull()
    .references(() => users.name, { onDelete: "cascade" }),
  title: text("title").notNull(),
  /** SHA-256 of the token, hex. The token itself is shown once. */
  hash: text("hash").notNull().unique(),
  createdAt: integer("created_at").notNull(),
  expiresAt: integer("expires_at"),
});

export const audit = sqliteTable("audit", {
  id: integer("id").primaryKey({ autoIncrement: true }),
  at: integer("at").notNull(),
  actor: text("actor").notNull(),
  verb: text("verb").notNull(),
  resource: text("resource").notNull(),
});

export const tasks = sqliteTable("tasks", {
  id: text("id").primaryKey(),
  appId: app(),
  number: integer("number").notNull(),
  version: integer("version").notNull(),
  command: text("command", { mode: "json" }).notNull(),
  status: text("status").notNull(),
  exitCode: integer("exit_code"),
  actor: text("actor").notNull(),
  createdAt: integer("created_at").notNull(),
  finishedAt: integer("finished_at"),
});

/** What builds use again, layers and caches, and when that was last. */
export const buildCaches = sqliteTable("build_caches", {
  ref: text("ref").primaryKey(),
  usedAt: integer("used_at").notNull(),
  sizeBytes: integer("size_bytes"),
});
