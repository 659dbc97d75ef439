import { describe, expect, test } from "vitest";
import { buildCommands, commandsOf, type Files, goodPlan, refusalOf } from "./planning.ts";

const config =
  '{\n  // ours\n  "imports": { "hono": "npm:hono@4", },\n  "tasks": { "start": "deno run -A main.ts" }\n}\n';

function webOf(files: Files): string | undefined {
  return goodPlan(files).processes[0]?.command;
}

describe("a Deno app", () => {
  test("gets its packages in a layer, and nothing runs for a change of its code", () => {
    const plan = goodPlan({ "deno.jsonc": config, "deno.lock": "{}", "main.ts": "" });
    expect([plan.runtime, plan.layers.map((l) => l.name), plan.build]).toEqual([
      "deno 2.9.6",
      ["runtime", "dependencies"],
      undefined,
    ]);
    expect(commandsOf(plan, "dependencies")).toEqual(["deno install --frozen"]);
    expect(plan.layers[1]?.files).toEqual(["deno.jsonc", "deno.lock"]);
  });

  test("fetches what it imports by address, and builds, with the source", () => {
    const files = { "deno.json": '{"tasks":{"build":"x"}}', "main.ts": 'import { a } from "npm:a@1";\n' };
    expect(buildCommands(goodPlan(files))).toEqual(["deno cache main.ts", "deno task build"]);
  });

  test.each<readonly [Files, string]>([
    [{ "deno.json": config, "main.ts": "" }, "deno task start"],
    [{ "deno.json": '{"tasks":{"start":{"command":"x"}}}' }, "deno task start"],
    [{ "deno.json": "{}", "server.ts": "Deno.serve(x)\n" }, "deno run --allow-net --allow-env"],
    [{ "deno.json": "{}", "main.ts": "export default {\n fetch() {} }\n" }, "--host 0.0.0.0 --port $PORT main.ts"],
  ])("of %j is started by %s", (files, command) => {
    expect(webOf(files)).toContain(command);
  });

  test("is a Node app when another package manager locks it", () => {
    const files = { "deno.json": "{}", "package.json": '{"scripts":{"start":"x"}}', "package-lock.json": "{}" };
    expect(goodPlan(files).buildpack).toBe("node");
  });

  test("may name its version", () => {
    expect(goodPlan({ "deno.json": config, ".dvmrc": "v2.8\n" }).runtime).toBe("deno 2.8.0");
    expect(refusalOf({ "deno.json": config, ".deno-version": "1.0.0" })).toBe(
      ".deno-version asks for Deno 1.0.0, which cannot be had. | The newest that can be had: 2.9.6, 2.8.0. Change it, commit and push again.",
    );
  });

  test.each<readonly [Files, string]>([
    [{ "deno.json": "{" }, "deno.json cannot be read"],
    [{ "deno.lock": "{}" }, "Nothing says how to start the app"],
  ])("like %j is refused", (files, problem) => {
    expect(refusalOf(files)).toContain(problem);
  });
});
