import { afterAll, expect, test } from "vitest";
import { BuildHarness, type BuildRun } from "../../support/build-harness.ts";
import { script, sourceWith, yaml } from "../../support/buildpacks.ts";
import { shell, testLayer, testPlan } from "../../support/plans.ts";

const harness = new BuildHarness();
afterAll(() => harness[Symbol.asyncDispose]());

function dropletOf({ result, lines }: BuildRun) {
  if (!result.ok) throw new Error(`${result.reason}\n${lines.join("\n")}`);
  return result.droplet;
}

test("a droplet of Heroku's API starts with its profile scripts, and the cache is there for the next build", async () => {
  const app = harness.app();
  const source = await sourceWith(harness, {
    ".buildpacks": "./bp\n",
    ".profile": "echo profile\n",
    "bp/bin/detect": script("echo Smoke"),
    "bp/bin/compile": script(
      'mkdir -p "$1/.profile.d"',
      'echo "echo b; export GREETING=hello" > "$1/.profile.d/b.sh"',
      'echo "echo a; export GREETING=overwritten" > "$1/.profile.d/a.sh"',
      'echo "echo never" > "$1/.profile.d/c.txt"',
      'echo line >> "$2/seen"; cp "$2/seen" "$1/seen"; echo junk > /app/junk',
    ),
    "bp/bin/release": yaml({ default_process_types: { web: "echo $GREETING; pwd; cat seen; ls -1", worker: "w" } }),
    Procfile: "worker: mine\n",
  });
  const first = await harness.build(app, source);
  const droplet = dropletOf(first);
  expect(droplet).toMatchObject({ kind: "buildpack", builder: "Smoke", port: 8080 });
  expect(droplet.processes).toEqual([
    { type: "web", command: "echo $GREETING; pwd; cat seen; ls -1" },
    { type: "worker", command: "mine" },
  ]);
  expect(await harness.run(droplet.imageId)).toBe("a\nb\nprofile\nhello\n/app\nline\nProcfile\nbp\nseen");
  expect(first.lines).toEqual([
    "-----> Buildpacks named by .buildpacks",
    "       1. ./bp",
    "-----> Smoke app detected",
    "-----> Discovering process types",
    "       Procfile declares types -> worker",
    "       Default types for Smoke -> web, worker",
  ]);
  const second = await harness.build(app, source);
  expect(second.lines).toContain("       Cache carried over from the last build");
  expect(await harness.run(dropletOf(second).imageId)).toContain("line\nline\n");
});

test("a droplet of Cloud Foundry's API has its dependencies beside the app", async () => {
  const source = await sourceWith(harness, {
    ".buildpacks": "./one\n./two\n",
    ".profile": "echo .profile\n",
    ".profile.d/app.sh": "echo .profile.d\n",
    "one/bin/supply": script(
      'mkdir -p "$3/$4/bin" && cp /bin/echo "$3/$4/bin/say"',
      'echo "name: Sayer" > "$3/$4/config.yml"; echo "version: 1.2" >> "$3/$4/config.yml"',
    ),
    "two/bin/supply": script("echo supplied $4"),
    "two/bin/finalize": script('echo "export PATH=\\$DEPS_DIR/0/bin:\\$PATH; echo deps" > "$5/0.sh"'),
    "two/bin/release": yaml({
      default_process_types: { web: "say $PWD $HOME; ls -1 ../deps /home/vcap; [ -w $TMPDIR ]" },
    }),
  });
  const run = await harness.build(harness.app(), source);
  const droplet = dropletOf(run);
  expect(run.lines.slice(3)).toEqual([
    "-----> Supplying from ./one",
    "-----> Finalizing with ./two",
    "       supplied 1",
    "-----> Discovering process types",
    "       Default types for ./two -> web",
  ]);
  expect(droplet.builder).toBe("Sayer 1.2, ./two");
  const said = await harness.run(droplet.imageId, undefined, droplet.env);
  expect(said.split("\n")).toEqual([
    "deps",
    ".profile.d",
    ".profile",
    "/home/vcap/app /home/vcap/app",
    "../deps:",
    "0",
    "1",
    "",
    "/home/vcap:",
    "app",
    "deps",
    "logs",
    "profile.d",
    "tmp",
  ]);
});

test("of a folder of a repository the buildpacks see that folder, and so does the built-in one among them", async () => {
  const plan = testPlan({
    layers: [
      testLayer("dependencies", {
        files: ["lock"],
        keep: ["/app/deps"],
        commands: [shell("mkdir deps && cp lock deps/seen")],
      }),
    ],
    processes: [],
  });
  const source = await sourceWith(harness, {
    lock: "of the top",
    "apps/web/lock": "of the app",
    "apps/web/.buildpacks": "./bp\ntest\n",
    "apps/web/bp/bin/detect": script("echo Sees $(ls)"),
    "apps/web/bp/bin/compile": script("true"),
    "apps/web/bp/bin/release": yaml({ default_process_types: { web: "cat deps/seen" } }),
  });
  const run = await harness.build(harness.app(), source, { plan, root: "apps/web" });
  expect(run.lines).toContain("-----> Sees bp deps lock app detected");
  expect(await harness.run(dropletOf(run).imageId)).toBe("of the app");
});
