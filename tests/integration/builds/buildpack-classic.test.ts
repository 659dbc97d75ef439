import { chmod, symlink } from "node:fs/promises";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { BuildpackBench, type BuildpackCase, type BuildpackCaseRun } from "../../support/buildpack-bench.ts";
import { script, tgz, yaml, zip } from "../../support/buildpacks.ts";
import { shell, testLayer, testPlan } from "../../support/plans.ts";

const bench = new BuildpackBench();
afterAll(() => bench[Symbol.asyncDispose]());

/** A case that several tests look at runs once. */
function once(one: BuildpackCase): () => Promise<BuildpackCaseRun> {
  let run: Promise<BuildpackCaseRun> | undefined;
  return () => (run ??= bench.run(one));
}

const detect = script("echo Test");
const release = yaml({ default_process_types: { web: "run" } });
/** A buildpack in `./bp`, whole unless told. */
const bp = (scripts: Readonly<Record<string, string | undefined>> = {}, dir = "bp"): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ detect, compile: script("true"), release, ...scripts }).flatMap(([name, text]) =>
      text === undefined ? [] : [[`${dir}/bin/${name}`, text]],
    ),
  );

const whole = once({
  list: ["./bp"],
  files: {
    ...bp({
      detect: script('echo "detect $# $1" >&2', "echo 'My Language'"),
      compile: script(
        'echo "compile $# $1 $2 $3"',
        'echo "at $PWD as $(id -u):$(id -g)"',
        'echo "$HOME $STACK $SOURCE_VERSION $REQUEST_ID"',
        'echo "environment: ${GREETING-unset} ${TOKEN-unset}"',
        'echo "files: $(ls -A "$3" | tr "\\n" " ")"',
        'echo "lengths: $(wc -c < "$3/GREETING") $(wc -c < "$3/EMPTY")"',
        'cat "$3/TOKEN"; echo',
        "echo '-----> Arrow'; echo '       indented'; echo ' !     warned' >&2",
        'echo made > "$1/made"; echo dot > "$1/.dot"; rm "$1/removed"; echo junk > "$HOME/junk"; echo kept > "$2/kept"',
        "printf 'no line end'",
      ),
      release: yaml({ default_process_types: { web: "run it", worker: "work" }, addons: ["postgres"] }),
    }),
    removed: "x",
    "bin/tool": "#!/bin/sh\n",
    "näme 'quoted' $(id)": "odd",
  },
  config: {
    GREETING: "hello\nworld",
    EMPTY: "",
    TOKEN: "supersecret1",
    PATH: "/evil",
    GIT_DIR: "/x",
    LANG: "xx",
    LD_PRELOAD: "/x.so",
  },
  prepare: (dir) => symlink("removed-target", path.join(dir, "link")),
  look: 'stat -c "%A %U %N" .dot made bin/tool link n*; ls; cat /cache/buildpacks/classic/kept',
});

test.each([
  ["detect gets the folder of the app and nothing else", /^ {7}detect 1 \/tmp\/build_[a-z0-9]+$/],
  ["what detect prints is the name", /^-----> My Language app detected$/],
  [
    "compile gets folder, cache and variables",
    /^ {7}compile 3 \/tmp\/build_\S+ \/cache\/buildpacks\/classic \/tmp\/env$/,
  ],
  ["it runs in the app's folder as a user without rights", /^ {7}at \/tmp\/build_\S+ as 1000:1000$/],
  ["it knows the stack, the commit and the build", /^ {7}\/app heroku-24 c0ffee build1$/],
  ["config vars are not in the environment", /^ {7}environment: unset unset$/],
  ["they are files, but those that would break a script", /^ {7}files: EMPTY GREETING TOKEN$/],
  ["their content is the value, line ends and all", /^ {7}lengths: 11 0$/],
  ["a secret that is printed is masked", /^ {7}\*\*\*$/],
  ["a step of the script is a step", /^-----> Arrow$/],
  ["a detail of the script is a detail", /^ {7}indented$/],
  ["a warning is a warning", /^ !     warned$/],
  ["a last line without an end is shown", /^ {7}no line end$/],
  ["add-ons are told", /^ {7}The buildpack asks for the add-on postgres/],
  ["default processes are told", /^ {7}Default types for My Language -> web, worker$/],
])("%s", async (_name, line) => {
  const { reason, lines } = await whole();
  expect(reason).toBe("");
  expect(lines.filter((one) => line.test(one))).toHaveLength(1);
});

test("release says how the app is started", async () => {
  const { result } = await whole();
  expect(result).toMatchObject({
    foundry: false,
    outcome: { names: ["My Language"], env: {} },
    processes: [
      { type: "web", command: "run it" },
      { type: "worker", command: "work" },
    ],
  });
});

test("what compile left is the app, nothing else, with modes, links and odd names", async () => {
  expect((await whole()).seen.split("\n")).toEqual([
    "-rw-r--r-- app '.dot'",
    "-rw-r--r-- app 'made'",
    "-rwxr-xr-x app 'bin/tool'",
    "lrwxrwxrwx app 'link' -> 'removed-target'",
    expect.stringContaining("-rw-r--r-- app") as string,
    "bin",
    "bp",
    "link",
    "made",
    "näme 'quoted' $(id)",
    "kept",
  ]);
});

test("the next build finds the cache, and its scripts may change it", async () => {
  const compile = script('echo again >> "$2/kept"; cat "$2/kept"');
  await bench.run({ list: ["./bp"], files: bp({ compile: script('echo first > "$2/kept"') }) });
  const { lines } = await bench.run({ list: ["./bp"], files: bp({ compile }), keepCache: true });
  expect(lines).toEqual(expect.arrayContaining(["       Cache carried over from the last build", "       first"]));
  expect(lines).toContain("       again");
});

const several = once({
  list: ["./one", "./two", "./three"],
  files: {
    ...bp(
      {
        detect: script("echo One"),
        compile: script(
          'mkdir "$1/tools"; printf "#!/bin/sh\\necho from the tool" > "$1/tools/tool"; chmod +x "$1/tools/tool"',
          'echo "export PATH=\\"$1/tools:\\$PATH\\"; export A=\'a b\'" > "$(dirname "$0")/../export"; echo 1 > "$2/shared"',
        ),
        release: yaml({ default_process_types: { web: "one", clock: "tick" }, config_vars: { X: "1", Y: "1" } }),
      },
      "one",
    ),
    ...bp(
      {
        detect: script("tool; echo Two"),
        compile: script('tool; echo "A is $A"; cat "$2/shared"; echo "export B=b" > "$(dirname "$0")/../export"'),
        release: yaml({ default_process_types: { web: "two" }, config_vars: { Y: "2" } }),
      },
      "two",
    ),
    ...bp({ detect: script("echo Three"), compile: script('echo "A=$A B=$B args=$#"'), release: undefined }, "three"),
  },
});

test.each([
  ["what one exports the next one has", "       from the tool"],
  ["values keep their blanks", "       A is a b"],
  ["they share the cache", "       1"],
  ["exports add up, and take no argument away", "       A=a b B=b args=3"],
])("several buildpacks: %s", async (_name, line) => {
  expect((await several()).lines).toContain(line);
});

test("the last release that says something wins; config_vars add up", async () => {
  expect((await several()).result).toMatchObject({
    outcome: { names: ["One", "from the tool", "Three"], env: { X: "1", Y: "2" } },
    processes: [{ type: "web", command: "two" }],
  });
});

test("a Procfile that compile writes wins type by type", async () => {
  const compile = script('echo "web: mine" > "$1/Procfile"');
  const types = yaml({ default_process_types: { web: "theirs", worker: "work" } });
  const { result } = await bench.run({ list: ["./bp"], files: bp({ compile, release: types }) });
  expect(result?.processes).toEqual([
    { type: "web", command: "mine" },
    { type: "worker", command: "work" },
  ]);
});

test("config vars may name another stack", async () => {
  const files = bp({ compile: script("echo stack $STACK") });
  const { lines } = await bench.run({ list: ["./bp"], files, config: { STACK: "heroku-26" } });
  expect(lines).toContain("       stack heroku-26");
});

test("megabytes of output are shown to the last line", async () => {
  const files = bp({ compile: script("seq -f 'line %.0f of the very long output' 1 60000") });
  const { lines, reason } = await bench.run({ list: ["./bp"], files });
  expect(reason).toBe("");
  expect(lines.filter((line) => line.startsWith("       line "))).toHaveLength(60_000);
});

type Refused = readonly [name: string, one: BuildpackCase, reason: string | RegExp, line?: string];

const failures: readonly Refused[] = [
  [
    "detect that says no",
    { list: ["./bp"], files: bp({ detect: script("echo 'no such file'; exit 1") }) },
    "The app is not compatible with the buildpack ./bp: bin/detect exited with code 1.",
    "       no such file",
  ],
  [
    "detect whose interpreter is missing",
    { list: ["./bp"], files: bp({ detect: "#!/no/such\n" }) },
    /^bin\/detect of \.\/bp exited with code 12[67]\.$/,
  ],
  [
    "detect that cannot be executed",
    { list: ["./bp"], files: bp(), prepare: (dir) => noExec(dir, "bp/bin/detect") },
    "bin/detect of ./bp is not executable.",
  ],
  [
    "compile that cannot be executed, before anything runs",
    { list: ["./bp"], files: bp(), prepare: (dir) => noExec(dir, "bp/bin/compile") },
    "bin/compile of ./bp is not executable.",
  ],
  ["no detect", { list: ["./bp"], files: bp({ detect: undefined }) }, "./bp has no bin/detect."],
  ["no compile", { list: ["./bp"], files: bp({ compile: undefined }) }, "./bp has no bin/compile."],
  ["no bin", { list: ["./bp"], files: { "bp/README": "x" } }, './bp is no buildpack: it has no folder "bin"'],
  ["no folder", { list: ["./none"], files: bp() }, "The buildpack ./none is no folder of this repository."],
  [
    "a folder that is a link out of the repository",
    { list: ["./out"], files: bp(), prepare: (dir) => symlink("/etc", path.join(dir, "out")) },
    "The buildpack ./out is no folder of this repository.",
  ],
  [
    "compile that fails",
    { list: ["./bp"], files: bp({ compile: script("echo last words; exit 3") }) },
    "bin/compile of ./bp exited with code 3.",
    "       last words",
  ],
  [
    "compile that is ended by a signal",
    { list: ["./bp"], files: bp({ compile: script("kill -TERM $$") }) },
    "bin/compile of ./bp was ended by SIGTERM (exit code 143).",
  ],
  [
    "the second compile",
    { list: ["./one", "./two"], files: { ...bp({}, "one"), ...bp({ compile: script("exit 9") }, "two") } },
    "bin/compile of ./two exited with code 9.",
  ],
  [
    "compile that removes the app",
    { list: ["./bp"], files: bp({ compile: script('cd /; rm -rf "$1"'), release: undefined }) },
    "What the buildpacks made could not be put in place.",
  ],
  [
    "release that fails",
    { list: ["./bp"], files: bp({ release: script("echo oops >&2; exit 4") }) },
    "bin/release of ./bp exited with code 4.",
    "       oops",
  ],
  [
    "release that is no YAML",
    { list: ["./bp"], files: bp({ release: script("printf 'a: b: c: ['") }) },
    "The output of bin/release of ./bp is invalid:",
  ],
  [
    "release with a list",
    { list: ["./bp"], files: bp({ release: yaml({ default_process_types: ["web"] }) }) },
    'The output of bin/release of ./bp is invalid: "default_process_types" is not right',
  ],
  [
    "release that never stops talking",
    { list: ["./bp"], files: bp({ release: script("yes | head -c 3000000") }) },
    "The output of bin/release of ./bp is invalid: it is longer than 1 MiB.",
  ],
  [
    "nothing that says how to start",
    { list: ["./bp"], files: bp({ release: yaml({}) }) },
    "No start command is specified by a buildpack or by a Procfile.",
  ],
  [
    "a Procfile of the buildpack's that cannot be read",
    { list: ["./bp"], files: bp({ compile: script('echo nonsense > "$1/Procfile"') }) },
    "Procfile line 1 cannot be read: nonsense",
  ],
  [
    "an archive that is none",
    { list: ["./bp.tgz"], files: { "bp.tgz": "not gzip" } },
    "The archive of ./bp.tgz cannot be unpacked.",
  ],
  [
    "an archive without bin",
    { list: ["./bp.zip"], files: { x: "" }, prepare: (dir) => zip(dir, "bp.zip", { README: "x" }) },
    "./bp.zip is no",
  ],
];

test.each(failures.map((one) => [one[0], one] as const))("is refused: %s", async (_name, [, one, reason, line]) => {
  const run = await bench.run(one);
  expect(run.reason).toMatch(typeof reason === "string" ? new RegExp(`^${escaped(reason)}`) : reason);
  expect(run.hint).not.toBe("");
  if (line !== undefined) expect(run.lines).toContain(line);
});

const packed = {
  "bin/detect": detect,
  "bin/compile": script("echo unpacked in $(dirname $0)"),
  "bin/release": release,
};

test.each([
  ["a tar.gz", "./bp.tgz", (dir: string) => tgz(dir, "bp.tgz", packed), "/tmp/buildpacks/0/bin"],
  [
    "a tar.gz with one folder in it",
    "./bp.tgz",
    (dir: string) => tgz(dir, "bp.tgz", under("x-1.0", packed)),
    "/tmp/buildpacks/0/x-1.0/bin",
  ],
  ["a zip", "./bp.zip", (dir: string) => zip(dir, "bp.zip", packed), "/tmp/buildpacks/0/bin"],
])("%s is unpacked and run", async (_name, text, prepare, place) => {
  const { lines, reason } = await bench.run({ list: [text], files: { x: "" }, prepare });
  expect(reason).toBe("");
  expect(lines).toContain(`       unpacked in ${place}`);
});

test("a name that a shell would take for commands is a name", async () => {
  const dir = "a;touch$IFS/tmp/pwned;'\"$(id)";
  const { lines, reason } = await bench.run({ list: [`./${dir}`], files: bp({}, dir), look: "ls /tmp/pwned" });
  expect(reason).toBe("");
  expect(lines).toContain("-----> Test app detected");
});

const withBuiltin = testPlan({
  layers: [testLayer("dependencies", { files: ["lock"] })],
  build: {
    title: "Building",
    files: [],
    commands: [shell('echo "built with ${TOOL-nothing}"; cat generated || true')],
  },
  processes: [],
  env: { MODE: "production" },
});

test("a built-in buildpack has its turn, with what those before it have made and exported", async () => {
  const compile = script('echo made > "$1/generated"; echo "export TOOL=hammer" > "$(dirname "$0")/../export"');
  const files = { ...bp({ compile }), lock: "1" };
  const { lines, reason, result } = await bench.run({ list: ["./bp", "test"], files, plan: withBuiltin });
  expect(reason).toBe("");
  expect(lines.slice(0, 4)).toEqual([
    "-----> Test app detected",
    "-----> Building",
    "       built with hammer",
    "       made",
  ]);
  expect(result?.outcome.names).toEqual(["Test", "test 1.0"]);
});

test("a buildpack after the built-in one sees what that has built, in /app", async () => {
  const files = { ...bp({ compile: script('echo "in $1"') }), lock: "1" };
  const { lines } = await bench.run({ list: ["test", "./bp"], files, plan: withBuiltin });
  expect(lines).toContain("-----> Building");
  expect(lines.indexOf("       in /app")).toBeGreaterThan(lines.indexOf("-----> Building"));
});

test("one that changes what the dependencies came from is refused", async () => {
  const files = { ...bp({ compile: script('echo 2 > "$1/lock"') }), lock: "1" };
  const { reason } = await bench.run({ list: ["./bp", "test"], files, plan: withBuiltin });
  expect(reason).toBe("A buildpack changed lock, which test 1.0 was installed from already.");
});

function noExec(dir: string, name: string): Promise<void> {
  return chmod(path.join(dir, name), 0o644);
}

function under(folder: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
