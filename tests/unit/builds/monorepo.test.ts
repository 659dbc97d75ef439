import { expect, test } from "vitest";
import { buildpacks } from "../../../buildpacks/index.ts";
import { available } from "../buildpacks/planning.ts";
import { installFolder, memberProcesses, placedIn, startedBy } from "../../../server/builds/monorepo.ts";
import type { BuildPlan } from "../../../server/builds/plan.ts";
import { memorySource, sourceBelow } from "../../../server/builds/source-view.ts";

const plan: BuildPlan = {
  buildpack: "python",
  runtime: "python 3.13",
  layers: [
    {
      name: "dependencies",
      title: "Installing dependencies",
      launch: true,
      keep: ["/app/.venv", "/opt/tool"],
      files: ["requirements.txt", "vendor"],
      inputs: { "conf/site.conf": "root /app/public; include /app; alias /srv/app; x /app-two;" },
      commands: [{ argv: ["sh", "-c", "cd /app && pip --target=/app/lib"], user: "app", withConfig: false, hint: "x" }],
    },
  ],
  build: undefined,
  env: { PYTHONPATH: "/app:/app/lib", OTHER: "http://app/app.js" },
  path: ["/app/.venv/bin", "/opt/node/bin"],
  processes: [{ type: "web" as never, command: "gunicorn app:/app" }],
  notes: [],
};

test("a plan for the top of a repository stays as it is", () => {
  expect(placedIn(plan, "")).toBe(plan);
});

test("a plan for a folder moves into it with all that it says of /app, and nothing else", () => {
  expect(placedIn(plan, "apps/web")).toEqual({
    ...plan,
    layers: [
      {
        ...plan.layers[0],
        keep: ["/app/apps/web/.venv", "/opt/tool"],
        files: ["apps/web/requirements.txt", "apps/web/vendor"],
        inputs: {
          "apps/web/conf/site.conf": "root /app/apps/web/public; include /app/apps/web; alias /srv/app; x /app-two;",
        },
        commands: [
          {
            argv: ["sh", "-c", "cd /app/apps/web && pip --target=/app/apps/web/lib"],
            cwd: "/app/apps/web",
            user: "app",
            withConfig: false,
            hint: "x",
          },
        ],
      },
    ],
    env: { PYTHONPATH: "/app/apps/web:/app/apps/web/lib", OTHER: "http://app/app.js" },
    path: ["/app/apps/web/.venv/bin", "/opt/node/bin"],
  });
});

const member = { "apps/web/package.json": '{"scripts": {"start": "node server.js"}}' };
const workspace = { "package.json": '{"workspaces": ["apps/*"]}', "package-lock.json": "{}", ...member };

test.each<[string, Record<string, string>, string]>([
  ["a member of a workspace", workspace, ""],
  ["a member of a pnpm workspace", { "pnpm-workspace.yaml": "", "pnpm-lock.yaml": "", ...member }, ""],
  ["a package with a lockfile of its own", { ...workspace, "apps/web/yarn.lock": "" }, "apps/web"],
  [
    "a package below one that is no workspace",
    { "package.json": "{}", "package-lock.json": "{}", ...member },
    "apps/web",
  ],
  ["no package", { "package.json": "{}", "apps/web/go.mod": "" }, "apps/web"],
])("dependencies of %s", (_what, files, folder) => {
  expect(installFolder(memorySource(files), "apps/web")).toBe(folder);
});

test("the top of a workspace is planned though only its member says how to start", () => {
  const node = buildpacks.find((one) => one.name === "node");
  const top = memorySource({ ...workspace, "package.json": '{"workspaces": ["apps/*"], "engines": {"node": "24.x"}}' });
  expect(node?.plan(top, available).ok).toBe(false);
  expect(node?.plan(startedBy(sourceBelow(top, "apps/web"), top), available).ok).toBe(true);
});

test("a member of a workspace starts by its own script", () => {
  expect(memberProcesses(memorySource({ "package.json": member["apps/web/package.json"] ?? "" }))).toEqual([
    { type: "web", command: "npm start" },
  ]);
  expect(memberProcesses(memorySource({ "package.json": "{" }))).toEqual([]);
});
