import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { buildpacks } from "../../../buildpacks/index.ts";
import type { ImageEngine } from "../../../server/builds/image-engine.ts";
import { prepare, type Prepared, type PrepareDeps } from "../../../server/builds/prepare.ts";
import type { AppId, AppName } from "../../../server/core/ids.ts";
import { defaultSpace } from "../../../server/core/ids.ts";
import { LineOutput } from "../../../server/core/output.ts";
import type { BuildInput } from "../../../server/releases/ports.ts";
import { testContext } from "../../support/build-context.ts";
import { available } from "../buildpacks/planning.ts";

interface Asked {
  readonly files: Readonly<Record<string, string>>;
  readonly listed?: readonly string[];
  readonly input?: Partial<BuildInput>;
  readonly versions?: PrepareDeps["available"];
}

async function prepared({
  files,
  listed = [],
  input: more = {},
  versions = () => Promise.resolve(available),
}: Asked): Promise<{ result: Prepared; lines: string[] }> {
  const sourceDir = await mkdtemp(path.join(tmpdir(), "paas-prepare-"));
  const lines: string[] = [];
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(sourceDir, name)), { recursive: true });
      await writeFile(path.join(sourceDir, name), text);
    }
    const fixed = { deployBranch: undefined, stopped: false, createdAt: 0 };
    const app = { id: "a" as AppId, name: "shop" as AppName, space: defaultSpace, ...fixed };
    const input = { app, buildId: "b", sourceDir, commit: "c", config: {}, ...more };
    const out = new LineOutput((line) => lines.push(line));
    const context = testContext({ engine: {} as ImageEngine, input, out });
    const result = await prepare(context, { buildpacks, available: versions, listed });
    return { result, lines };
  } finally {
    await rm(sourceDir, { recursive: true });
  }
}

const node = { "package.json": '{"scripts":{"start":"node x"}}', "x.js": "" };

test("one of ours that is named alone is taken, whatever else matches", async () => {
  const files = { ...node, "requirements.txt": "", Dockerfile: "FROM x" };
  const { result, lines } = await prepared({ files: { ...files, Procfile: "web: x" }, listed: ["heroku/python"] });
  expect(result).toMatchObject({ kind: "plan", plan: { buildpack: "python" } });
  expect(lines).toContain("       Named by paas buildpacks");
});

test("external ones go before a Dockerfile, and one of ours may be among them", async () => {
  const files = { ...node, Dockerfile: "FROM x", ".buildpacks": "./bp\nheroku/nodejs\n" };
  const { result, lines } = await prepared({ files });
  expect(result).toMatchObject({ kind: "buildpacks", references: [{ path: "bp" }, { name: "node" }] });
  expect(lines[0]).toBe("-----> Buildpacks named by .buildpacks");
});

test("those of app.json come after a Dockerfile, which is said", async () => {
  const input = { buildpacks: ["./bp"] };
  expect((await prepared({ files: node, input })).result).toMatchObject({ kind: "buildpacks" });
  const { result, lines } = await prepared({ files: { ...node, Dockerfile: "FROM x" }, input });
  expect(result.kind).toBe("dockerfile");
  expect(lines.join("\n")).toContain("app.json names buildpacks, but the Dockerfile goes first");
});

test("BUILDPACK_URL is a list of one", async () => {
  const input = { config: { BUILDPACK_URL: "https://host.test/x.git#v1" } };
  const { lines } = await prepared({ files: node, input });
  expect(lines[0]).toBe("-----> Buildpacks named by the config var BUILDPACK_URL");
});

test.each([
  [["heroku/python", "./bp"], "is not compatible with the buildpack heroku/python: it looks for"],
  [["cobol"], 'There is no built-in buildpack "cobol".'],
])("%o is refused", async (listed, reason) => {
  await expect(prepared({ files: node, listed })).rejects.toThrow(reason);
});

test("an Aptfile asks for packages, with external buildpacks too; the apt buildpack of Heroku stands for it", async () => {
  const files = { ...node, Aptfile: "figlet\n" };
  const system = { build: [], run: ["figlet"] };
  expect((await prepared({ files })).result).toMatchObject({ kind: "plan", plan: { system } });
  const both = await prepared({ files, listed: ["heroku-community/apt", "./bp"] });
  expect(both.result).toMatchObject({ kind: "buildpacks", references: [{ path: "bp" }], system });
  const alone = await prepared({ files, listed: ["heroku-community/apt"] });
  expect(alone.result).toMatchObject({ kind: "plan", plan: { buildpack: "node", system } });
  const foreign = await prepared({ files, listed: ["https://host.test/heroku-buildpack-apt.git", "./bp"] });
  expect(foreign.result).toMatchObject({ kind: "buildpacks", system: undefined });
});

test("while the npm registry is away and nothing was kept only those fail that need its versions, in one line", async () => {
  const asked: boolean[] = [];
  const away: PrepareDeps["available"] = async (needsRegistry) => {
    asked.push(needsRegistry);
    const nothing = { ...available, node: [], bun: [], deno: [], npmRegistry: "" };
    return needsRegistry ? { ...nothing, registryProblem: "https://registry.test/: it answered 503" } : nothing;
  };
  const others: readonly Asked["files"][] = [
    { "index.php": "" },
    { "go.mod": "module x\n", "main.go": "package main\n" },
    { "app.py": "", "requirements.txt": "", Procfile: "web: x" },
  ];
  for (const files of others) {
    expect((await prepared({ files, versions: away })).result).toMatchObject({ kind: "plan" });
  }
  expect(asked).toEqual([false, false, false]);
  const reason = "The versions of Node could not be read from https://registry.test/: it answered 503.";
  await expect(prepared({ files: node, versions: away })).rejects.toThrow(reason);
  await expect(prepared({ files: { "deno.json": "{}", "main.ts": "" }, versions: away })).rejects.toThrow(
    "The versions of Deno",
  );
});
