import type { RouteInfo } from "../../server/api/route-policies.ts";
import type { Shown } from "../client.ts";
import type { Context } from "../context.ts";
import { usageError } from "../failure.ts";
import { readAll } from "../io.ts";
import { pairs } from "../output/table.ts";
import type { Verb } from "../verb.ts";
import { needsSecret, policyOptions, toPolicy } from "./policy-flags.ts";

const info: Verb = {
  name: "routes:info",
  summary: "show what a route does to requests",
  args: ["<route>"],
  hasJson: true,
  examples: ["paas routes:info www.example.test", "paas routes:info api.example.test/v2 --json"],
  async run(context, input) {
    const found = await context.client.call("get", "/v1/routes/info", { query: toPlace(input.arg(0)) });
    context.show(input, found, () => describe(found));
  },
};

const set: Verb = {
  name: "routes:set",
  summary: "change what a route does to requests; the route's name comes first",
  args: ["<route>"],
  hasJson: true,
  options: policyOptions,
  examples: [
    "paas routes:set www.example.test --compress --cache --rate-limit 100/1m",
    "paas routes:set www.example.test --redirect '/old/* /new/* 301' --max-body 10M",
    "paas routes:set api.example.test/v2 --strip-prefix --sticky JSESSIONID --limit 20 --queue 50",
    "paas routes:set intern.example.test --allow 10.0.0.0/8 --basic-auth ann < password.txt",
    "paas routes:set intern.example.test --oidc https://login.example.test --oidc-client paas < secret.txt",
    "paas routes:set www.example.test --unset cache rate-limit",
  ],
  async run(context, input) {
    const place = toPlace(input.arg(0));
    const secret = needsSecret(input) ? await readSecret(context) : undefined;
    const unset = input.options("unset").map(camelCase);
    const change = toPolicy(input, secret);
    if (Object.keys(change).length === 0 && unset.length === 0) {
      throw usageError("No setting is given.", "Write it like: paas routes:set www.example.test --compress");
    }
    const json = { ...place, set: change, unset };
    const changed = await context.client.call("patch", "/v1/routes", { json });
    context.show(input, changed, () => [`Changed ${changed.url}`, ...describe(changed)]);
  },
};

const purge: Verb = {
  name: "routes:purge",
  summary: "forget the stored answers of a route, or those below a path",
  args: ["<route>", "[path]"],
  hasJson: true,
  examples: ["paas routes:purge www.example.test", "paas routes:purge www.example.test /blog"],
  async run(context, input) {
    const below = input.optionalArg(1);
    const json = { ...toPlace(input.arg(0)), ...(below === undefined ? {} : { below }) };
    const result = await context.client.call("post", "/v1/routes/purge", { json });
    context.show(input, result, () => [`Forgot ${result.forgotten} stored answer${result.forgotten === 1 ? "" : "s"}`]);
  },
};

export const policyVerbs: readonly Verb[] = [info, set, purge];

/** `api.example.test/v2` */
export function toPlace(route: string): { readonly domain: string; readonly path?: string } {
  const plain = route.replace(/^https?:\/\//, "");
  const slash = plain.indexOf("/");
  return slash === -1 ? { domain: plain } : { domain: plain.slice(0, slash), path: plain.slice(slash) };
}

/** `basic-auth` as the API calls it. */
function camelCase(name: string): string {
  return aliases[name] ?? name.replace(/-([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

const aliases: Readonly<Record<string, string>> = {
  limit: "concurrency",
  allow: "ipAllow",
  deny: "ipDeny",
  redirect: "redirects",
  rewrite: "rewrites",
  "max-body": "maxBodyBytes",
  "set-header": "requestHeaders",
  "set-response-header": "responseHeaders",
};

async function readSecret(context: Context): Promise<string> {
  if (context.io.stdin.isTTY) context.warn("Type the secret and end it with Ctrl-D:");
  const secret = (await readAll(context.io.stdin)).replace(/\r?\n$/, "");
  if (secret !== "") return secret;
  throw usageError("There is no secret on the standard input.", "Give it there: paas routes:set … < password.txt");
}

function describe({ host, path, appName, policy, maintenance, heldUntil, shares }: Shown<RouteInfo>): string[] {
  const rows: [string, string][] = Object.entries(policy).map(([name, value]) => [name, JSON.stringify(value)]);
  if (maintenance) rows.push(["maintenance", "on"]);
  if (heldUntil !== undefined) rows.push(["held until", new Date(heldUntil).toISOString()]);
  for (const share of shares)
    rows.push(["shared with", `${share.appName ?? "-"} (${share.type}), weight ${share.weight}`]);
  const title = `=== ${host}${path === "/" ? "" : path} (${appName ?? "no app"})`;
  return [title, ...(rows.length === 0 ? ["forwards requests as they are"] : pairs(rows))];
}
