import { z } from "zod";
import { isNetwork } from "../config/config.ts";

/** What `routes:set` may say. Secrets come in the clear here and are stored as hashes, or sealed. */

const seconds = (most: number) =>
  z
    .int()
    .min(100, "at least 0.1 s")
    .max(most, `at most ${most / 1000} s`)
    .optional();
const token = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, "write the name of a header");
const path = z
  .string()
  .max(1000)
  .regex(/^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/, "write a path like /old");
const headerValue = z
  .string()
  .max(4_000)
  .regex(/^[\x20-\x7e]*$/, "printable ASCII only");
const httpUrl = z
  .string()
  .max(2_000)
  .refine((raw) => isHttpUrl(raw), "write an address that begins with http:// or https://");
export const page = z.union([
  z.strictObject({ html: z.string().max(65_536, "at most 64 KB") }),
  z.strictObject({ url: httpUrl }),
]);

/** Of the connection, or made by the router: changing them would break messages. */
const framing = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const ownName = token.refine((name) => !framing.has(name.toLowerCase()), "this header belongs to the router");
const headerChange = z.strictObject({
  set: z.record(ownName, headerValue).optional(),
  remove: z.array(ownName).max(50).optional(),
});

const network = z.string().refine(isNetwork, "write an address or a network: 10.0.0.0/8, 2001:db8::/32");

export const policyChange = z.strictObject({
  balance: z
    .union(
      [z.enum(["round-robin", "least-connections"]), z.templateLiteral(["hash:", token])],
      "write round-robin, least-connections or hash:HEADER",
    )
    .optional(),
  sticky: z.strictObject({ cookie: token.optional() }).optional(),
  concurrency: z
    .strictObject({
      perInstance: z.int().min(1).max(100_000),
      queue: z.int().min(0).max(10_000),
      queueTimeoutMs: z.int().min(0).max(120_000, "at most 120 s"),
    })
    .optional(),
  timeouts: z
    .strictObject({
      connectMs: seconds(60_000),
      firstByteMs: seconds(3_600_000),
      idleMs: seconds(3_600_000),
      startMs: z.int().min(0).max(600_000, "at most 600 s").optional(),
      requestMs: seconds(86_400_000),
    })
    .optional(),
  rateLimit: z
    .strictObject({
      requests: z.int().min(1).max(1_000_000),
      perMs: z.int().min(100).max(86_400_000, "at most a day"),
      by: z.string().regex(/^(?:client|route|(?:header|cookie|query):[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100})$/, {
        message: "write client, route, header:NAME, cookie:NAME or query:NAME",
      }),
    })
    .optional(),
  cache: z.strictObject({ maxEntryBytes: z.int().min(1).max(16_777_216, "at most 16M") }).optional(),
  compress: z.boolean().optional(),
  /** One more user, or another password for a known one. */
  basicAuth: z
    .strictObject({
      name: z.string().regex(/^[\x21-\x39\x3b-\x7e]{1,64}$/, "a name has no colon and no spaces"),
      password: z.string().min(8, "at least 8 characters").max(1_000),
    })
    .optional(),
  ipAllow: z.array(network).min(1).max(1_000).optional(),
  ipDeny: z.array(network).min(1).max(1_000).optional(),
  requestHeaders: headerChange.optional(),
  responseHeaders: headerChange.optional(),
  redirects: z
    .array(
      z.strictObject({
        from: path.or(z.literal("*")),
        to: path.or(httpUrl),
        status: z.union([301, 302, 303, 307, 308].map((status) => z.literal(status as 301 | 302 | 303 | 307 | 308))),
      }),
    )
    .min(1)
    .max(500)
    .optional(),
  rewrites: z
    .array(z.strictObject({ from: path, to: path }))
    .min(1)
    .max(100)
    .optional(),
  stripPrefix: z.boolean().optional(),
  maxBodyBytes: z.int().min(0).max(1e12).optional(),
  forwardAuth: z.strictObject({ url: httpUrl, copyHeaders: z.array(ownName).max(30) }).optional(),
  oidc: z
    .strictObject({
      issuer: httpUrl.refine(isSafeIssuer, "a provider is reached by https, or on this machine"),
      clientId: z.string().min(1).max(500),
      clientSecret: z.string().max(2_000),
      scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/)).max(20),
      sessionMs: z.int().min(60_000, "at least a minute").max(2_592_000_000, "at most 30 days"),
      allow: z.array(z.string().min(1).max(300)).max(1_000),
    })
    .optional(),
  routeService: z.strictObject({ url: httpUrl }).optional(),
  https: z
    .strictObject({ redirect: z.boolean().optional(), hstsSeconds: z.int().min(0).max(63_072_000).optional() })
    .optional(),
  protocol: z.enum(["http1", "h2c"]).optional(),
});

export type PolicyChange = z.output<typeof policyChange>;

/** What `--unset` may name. */
export const policyParts = Object.keys(policyChange.shape) as (keyof PolicyChange)[];

function isHttpUrl(raw: string): boolean {
  if (!URL.canParse(raw)) return false;
  const url = new URL(raw);
  return (url.protocol === "http:" || url.protocol === "https:") && url.username === "" && url.password === "";
}

function isSafeIssuer(raw: string): boolean {
  const { protocol, hostname } = new URL(raw);
  return protocol === "https:" || ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
