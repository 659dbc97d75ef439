import type { Context } from "hono";
import { Hono } from "hono";
import { z } from "zod";
import { parseAppName } from "../../core/ids.ts";
import { LineOutput, type Output } from "../../core/output.ts";
import type { Guard } from "../guard.ts";
import { body, check, query } from "../input.ts";
import { streamJob } from "../ndjson.ts";
import type { ApiEnv } from "../peer.ts";
import type { ApiDeps } from "../ports.ts";

const address = z.string().min(1).max(2000);
const source = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("image"), ref: address }),
  z.strictObject({ kind: z.literal("archive"), url: address }),
  z.strictObject({
    kind: z.literal("git"),
    url: address,
    ref: z
      .string()
      .min(1)
      .max(250)
      .regex(/^[^-\s]\S*$/, "not a branch, tag or commit")
      .optional(),
  }),
]);
const settings = z.strictObject({
  root: z.string().max(300).nullable().optional(),
  shippedEnvFiles: z.array(z.string().min(1).max(300)).max(50).nullable().optional(),
  keepDroplets: z.int().min(0).max(1000).nullable().optional(),
  onDisconnect: z.enum(["cancel", "continue"]).optional(),
});
const uploaded = z.object({
  name: z
    .string()
    .max(200)
    .regex(/^[^\0\r\n]*$/, "not a name")
    .default("archive"),
});
/** A deploy ends with the client that waits for it, unless it said that it does not. */
const waiting = z.object({ detach: z.enum(["true", "false"]).default("false") });

/** Bodies of this path may be as large as an archive may. */
export const archivePath = /^\/v1\/apps\/[^/]+\/builds\/archive$/;

export function sourcesResource(deps: ApiDeps, guard: Guard) {
  const { sources } = deps.platform;
  const deployed = (detach: "true" | "false", deploy: Deploy) =>
    detach === "true"
      ? streamJob(deps, (_out, signal) => begun(deps, deploy, signal))
      : streamJob(deps, async (out, signal) => ({ version: await deploy(out, signal) }), { endsWithClient: true });
  return new Hono<ApiEnv>()
    .get("/v1/apps/:app/builds/settings", guard("app:read"), (c) =>
      c.json(sources.settings(parseAppName(c.req.param("app")))),
    )
    .patch("/v1/apps/:app/builds/settings", guard("app:change", "builds:set"), body(settings), (c) =>
      c.json(sources.set(c.get("actor"), parseAppName(c.req.param("app")), c.req.valid("json"))),
    )
    .post("/v1/apps/:app/builds", guard("app:push", "builds:create"), query(waiting), body(source), (c) => {
      const name = parseAppName(c.req.param("app"));
      const wanted = c.req.valid("json");
      const { detach } = c.req.valid("query");
      return deployed(detach, (out, signal) => sources.deploy(c.get("actor"), name, wanted, out, signal));
    })
    .post("/v1/apps/:app/builds/archive", guard("app:push", "builds:create"), async (c) => {
      const name = parseAppName(c.req.param("app"));
      const { name: file } = check(uploaded, { name: c.req.query("name") });
      const { detach } = check(waiting, { detach: c.req.query("detach") });
      const upload = await sources.receive(name, contentOf(c), deps.shutdown);
      const wanted = { kind: "upload", name: file, upload } as const;
      return deployed(detach, (out, signal) => sources.deploy(c.get("actor"), name, wanted, out, signal));
    });
}

type Deploy = (out: Output, signal: AbortSignal) => Promise<number>;

/** Resolves when the deploy has something to say: what it says from then on is kept with its build. */
async function begun(
  deps: ApiDeps,
  deploy: Deploy,
  signal: AbortSignal,
): Promise<{ readonly version: number | undefined }> {
  const first = Promise.withResolvers<undefined>();
  const running = deploy(new LineOutput(() => first.resolve(undefined)), signal);
  running.catch((err: unknown) => deps.log.info("a deploy that nobody waits for has failed", { err }));
  return { version: await Promise.race([running, first.promise]) };
}

/** As it comes, never as a whole in memory. */
async function* contentOf(c: Context<ApiEnv>): AsyncGenerator<Uint8Array> {
  const content = c.req.raw.body;
  if (content !== null) yield* content as unknown as AsyncIterable<Uint8Array>;
}
