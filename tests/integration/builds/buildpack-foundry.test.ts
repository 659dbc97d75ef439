import { chmod } from "node:fs/promises";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { BuildpackBench, type BuildpackCase, type BuildpackCaseRun } from "../../support/buildpack-bench.ts";
import { script, yaml } from "../../support/buildpacks.ts";
import { shell, testPlan } from "../../support/plans.ts";

const bench = new BuildpackBench();
afterAll(() => bench[Symbol.asyncDispose]());

type Scripts = Readonly<Record<string, string | undefined>>;

/** The scripts of a buildpack in a folder. */
function bp(dir: string, scripts: Scripts): Record<string, string> {
  const given = Object.entries(scripts).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(given.map(([name, text]) => [`${dir}/bin/${name}`, text]));
}

const nothing = script("true");
const release = yaml({ default_process_types: { web: "run" } });
const last = (scripts: Scripts = {}) => bp("last", { finalize: nothing, release, ...scripts });
const first = (scripts: Scripts = {}) => bp("first", { supply: nothing, ...scripts });

const cached = "/cache/buildpacks/foundry/[0-9a-f]{16}";
let wholeRun: Promise<BuildpackCaseRun> | undefined;
const whole = () =>
  (wholeRun ??= bench.run({
    list: ["./first", "./second", "./last"],
    files: {
      ...first({
        detect: script("echo 'detect must not run'; exit 1"),
        supply: script(
          'echo "supply $*"',
          'echo "at $PWD as $(id -u), $HOME $USER $CF_STACK $MEMORY_LIMIT ${PORT-no port}"',
          'echo "own: $GREETING, services: $VCAP_SERVICES, uri: $DATABASE_URL"',
          'echo "app: $VCAP_APPLICATION"',
          'echo 1 > "$2/kept"; mkdir "$3/$4/bin"; echo tool > "$3/$4/bin/tool"; echo changed > "$1/changed"',
          'printf "processes:\\n- type: clock\\n  command: tick\\n- type: web\\n  command: hidden\\n" > "$3/$4/launch.yml"',
        ),
      }),
      ...bp("second", { supply: script('echo "second $*"; cat "$3/0/bin/tool" "$1/changed"') }),
      ...last({
        supply: script('echo "last supplies $*"'),
        finalize: script('echo "finalize $*"; echo "echo hi" > "$5/hi.sh"; ls "$3"'),
      }),
    },
    config: { GREETING: "hello" },
    services: { VCAP_SERVICES: '{"db":[]}', DATABASE_URL: "postgres://u:p@h/d" },
    look: "cat changed; ls -A /tmp/contents/deps/0 /tmp/contents/profile.d",
  }));

test.each([
  ["supply gets app, cache of its own, deps and its index", `supply /tmp/app ${cached} /tmp/contents/deps 0`],
  [
    "the second one gets the next index, and sees what the first one did",
    `second /tmp/app ${cached} /tmp/contents/deps 1`,
  ],
  ["the last one supplies too", "last supplies /tmp/app /cache/buildpacks/foundry/final /tmp/contents/deps 2"],
  [
    "and finalizes, with a folder for profile scripts",
    "finalize /tmp/app /cache/buildpacks/foundry/final /tmp/contents/deps 2 /tmp/contents/profile.d",
  ],
  ["the environment is that of staging", "at /home/vcap as 1000, /home/vcap vcap cflinuxfs4 512m no port"],
  ["config vars and bindings are in it", 'own: hello, services: {"db":\\[\\]}, uri: postgres://u:p@h/d'],
  ["it knows the app", 'app: {"application_id":"[a-z0-9]+","application_name":"shop".*'],
  ["what one has supplied the next one finds", "tool"],
])("%s", async (_name, line) => {
  const { lines, reason } = await whole();
  expect(reason).toBe("");
  expect(lines.filter((one) => new RegExp(`^ {7}${line}$`).test(one))).toHaveLength(1);
});

test("supplying goes before finalizing, and nothing detects", async () => {
  const { lines } = await whole();
  expect(lines.filter((line) => line.startsWith("-----> "))).toEqual([
    "-----> Supplying from ./first",
    "-----> Supplying from ./second",
    "-----> Finalizing with ./last",
    "-----> Discovering process types",
  ]);
  expect(lines.join("\n")).not.toContain("detect must not run");
});

test("processes of launch.yml are kept under those of the last one", async () => {
  const { result } = await whole();
  expect(result?.foundry).toBe(true);
  expect(result?.processes).toEqual([
    { type: "clock", command: "tick" },
    { type: "web", command: "run" },
  ]);
});

test("the app, its dependencies and their profile scripts are there at the end", async () => {
  expect((await whole()).seen.split("\n")).toEqual([
    "changed",
    "/tmp/contents/deps/0:",
    "bin",
    "launch.yml",
    "",
    "/tmp/contents/profile.d:",
    "hi.sh",
  ]);
});

test("caches are carried, and those of buildpacks that are gone are removed", async () => {
  const keep = script('echo x >> "$2/kept"; wc -l < "$2/kept"');
  const files = { ...first({ supply: keep }), ...last({ finalize: keep }) };
  await bench.run({ list: ["./first", "./last"], files });
  const again = await bench.run({ list: ["./first", "./last"], files, keepCache: true });
  expect(again.lines.filter((line) => line === "       2")).toHaveLength(2);
  const alone = await bench.run({ list: ["./last"], files, keepCache: true, look: "ls /cache/buildpacks/foundry" });
  expect(alone.lines).toContain("       3");
  expect(alone.seen).toBe("final");
});

test("the last one may be of the old kind: it compiles, and is told what it misses", async () => {
  const compile = script('echo "compile $*"; ls /tmp/contents/deps');
  const { lines, reason } = await bench.run({
    list: ["./first", "./last"],
    files: { ...first(), ...last({ finalize: undefined, compile }) },
  });
  expect(reason).toBe("");
  expect(lines).toEqual([
    "-----> Supplying from ./first",
    "-----> Compiling with ./last",
    expect.stringMatching(/^ ! {5}Warning: the last buildpack is not compatible with multi-buildpack apps/) as string,
    "       compile /tmp/app /cache/buildpacks/foundry/final",
    "       0",
    "-----> Discovering process types",
    "       Default types for ./last -> web",
  ]);
});

test("a buildpack alone that supplies and compiles is of the old kind", async () => {
  const files = bp("last", { supply: script("echo not asked"), compile: script("echo compiled"), release });
  const { lines } = await bench.run({ list: ["./last"], files });
  expect(lines.slice(0, 2)).toEqual(["-----> Compiling with ./last", "       compiled"]);
});

test("launch.yml of the last one stands for its release", async () => {
  const finalize = script('printf "processes:\\n- type: web\\n  command: launched\\n" > "$3/$4/launch.yml"');
  const { result } = await bench.run({ list: ["./last"], files: last({ finalize, release: undefined }) });
  expect(result?.processes).toEqual([{ type: "web", command: "launched" }]);
});

test("the name in config.yml of the deps is the buildpack's", async () => {
  const supply = script('printf "name: ruby\\nversion: 1.2.3\\n" > "$3/$4/config.yml"');
  const { result } = await bench.run({ list: ["./first", "./last"], files: { ...first({ supply }), ...last() } });
  expect(result?.outcome.names).toEqual(["ruby 1.2.3", "./last"]);
});

test("a built-in one may be the last", async () => {
  const plan = testPlan({ build: { title: "Building", files: [], commands: [shell("cat supplied")] } });
  const files = first({ supply: script('echo "supply $1"; echo from-supply > "$1/supplied"') });
  const { lines, result, reason } = await bench.run({ list: ["./first", "test"], files, plan });
  expect(reason).toBe("");
  expect(lines.slice(0, 4)).toEqual([
    "-----> Supplying from ./first",
    "       supply /app",
    "-----> Building",
    "       from-supply",
  ]);
  expect(result).toMatchObject({ foundry: true, processes: [{ type: "web" }] });
});

type Refused = readonly [name: string, one: BuildpackCase, reason: string];
const both = (scripts: Scripts, ofLast: Scripts = {}): BuildpackCase => ({
  list: ["./first", "./last"],
  files: { ...first(scripts), ...last(ofLast) },
});

const failures: readonly Refused[] = [
  [
    "one before the last that cannot supply",
    both({ supply: undefined, compile: nothing }),
    "One of the buildpacks chosen to supply dependencies does not support multi-buildpack apps (225): ./first has no bin/supply.",
  ],
  [
    "supply that fails",
    both({ supply: script("exit 3") }),
    "Failed to run all supply scripts (225): bin/supply of ./first exited with code 3.",
  ],
  [
    "supply of the last one that fails",
    both({}, { supply: script("exit 4") }),
    "Failed to run all supply scripts (225): bin/supply of ./last exited with code 4.",
  ],
  [
    "finalize that fails",
    both({}, { finalize: script("exit 5") }),
    "Failed to run finalize script (226): bin/finalize of ./last exited with code 5.",
  ],
  [
    "compile that fails",
    both({}, { finalize: undefined, compile: script("exit 6") }),
    "Failed to compile droplet (223): bin/compile of ./last exited with code 6.",
  ],
  [
    "release that fails",
    both({}, { release: script("exit 7") }),
    "Failed to build droplet release (224): bin/release of ./last exited with code 7.",
  ],
  [
    "release that is no YAML",
    both({}, { release: script("printf '\\tx: ['") }),
    "Failed to build droplet release (224): the output of bin/release of ./last is invalid: ",
  ],
  ["no release", both({}, { release: undefined }), "Failed to build droplet release (224): ./last has no bin/release."],
  [
    "launch.yml that is none",
    both({ supply: script('echo "processes: 7" > "$3/$4/launch.yml"') }),
    "Failed to build droplet release (224): launch.yml of ./first is invalid: ",
  ],
  [
    "one that only supplies as the last",
    { list: ["./first"], files: first() },
    "Failed to run finalize script (226): ./first has neither bin/finalize nor bin/compile.",
  ],
  [
    "finalize that cannot be executed",
    { ...both({}), prepare: (dir) => chmod(path.join(dir, "last/bin/finalize"), 0o644) },
    "bin/finalize of ./last is not executable.",
  ],
  [
    "nothing that says how to start",
    both({}, { release: script("echo 'Release: Doing nothing!'") }),
    "No start command is specified by a buildpack or by a Procfile.",
  ],
];

test.each(failures.map((one) => [one[0], one] as const))("is refused: %s", async (_name, [, one, reason]) => {
  const run = await bench.run(one);
  expect(run.reason.slice(0, reason.length)).toBe(reason);
  expect(run.hint).not.toBe("");
});
