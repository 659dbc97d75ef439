import { execFileSync } from "node:child_process";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import type { PlanCommand } from "../../../server/builds/plan.ts";
import { newId, type ProcessType, web } from "../../../server/core/ids.ts";
import { labels } from "../../../server/docker/client.ts";
import { BuildHarness, type BuildRun } from "../../support/build-harness.ts";
import { shell, testLayer, testPlan } from "../../support/plans.ts";

const harness = new BuildHarness();
afterAll(() => harness[Symbol.asyncDispose]());

/** Makes layers of one test their own. */
const nonce = () => ({ NONCE: newId() });

function imageOf({ result, lines }: BuildRun): string {
  if (!result.ok) throw new Error(`${result.reason}\n${lines.join("\n")}`);
  return result.droplet.imageId;
}

function reasonOf({ result }: BuildRun): string {
  return result.ok ? "it succeeded" : result.reason;
}

test("without layers and build step the source is the droplet", async () => {
  const source = await harness.source({ "app.txt": "hello" });
  const run = await harness.build(harness.app(), source, { plan: testPlan({ env: { FOO: "bar" }, path: ["/opt/x"] }) });
  expect(run.lines).toEqual(["-----> Test app detected", "-----> Using test 1.0"]);
  expect(run.result).toMatchObject({
    ok: true,
    droplet: { kind: "buildpack", port: 8080, env: { FOO: "bar" }, builder: "test 1.0" },
  });
  expect(await harness.run(imageOf(run))).toBe("hello");
  const out = await harness.run(imageOf(run), ["bash", "-c", 'echo "$(id -u):$(id -g) $PWD $HOME $FOO ${PATH%%:*}"']);
  expect(out).toBe("1000:1000 /app /app bar /opt/x");
});

test("a droplet says whose it is, and has no entrypoint of its own", async () => {
  const app = harness.app();
  const run = await harness.build(app, await harness.source({ "app.txt": "x" }), { plan: testPlan() });
  const { Config, RepoTags } = await harness.docker.getImage(imageOf(run)).inspect();
  expect(Config.Labels).toMatchObject({ [labels.kind]: "droplet", [labels.home]: harness.home, [labels.app]: app.id });
  expect(Config.Entrypoint ?? []).toEqual([]);
  expect(RepoTags).toEqual([`paas/droplet:${Config.Labels[labels.build]}`]);
});

test("a layer is copied with links from a member of a workspace to the top, and with hard links", async () => {
  const script =
    "set -e; mkdir -p node_modules/lib apps/web/node_modules; echo found > node_modules/lib/word; cd apps/web/node_modules; ln -s ../../../node_modules/lib lib; echo same > a; ln a b; head -c 300000 /dev/zero > large";
  const layer = testLayer("dependencies", {
    commands: [{ ...shell(script), env: nonce() }],
    launch: true,
    keep: ["/app/node_modules", "/app/apps/web/node_modules"],
  });
  const source = await harness.source({ "app.txt": "x" });
  const run = await harness.build(harness.app(), source, { plan: testPlan({ layers: [layer] }) });
  const look = 'cd /app/apps/web/node_modules && cat lib/word b && stat -c "%h %u" a && wc -c < large';
  expect(await harness.run(imageOf(run), ["bash", "-c", look])).toBe("found\nsame\n2 1000\n300000");
});

test("dependencies are copied once for the droplets of an app, as the build step has left them", async () => {
  const install =
    "mkdir -p node_modules/lib node_modules/dev; head -c 3000000 /dev/urandom > node_modules/lib/big; echo one > node_modules/lib/word";
  const layer = testLayer("dependencies", {
    commands: [{ ...shell(install), env: nonce() }],
    files: ["lock"],
    keep: ["/app/node_modules"],
  });
  const app = harness.app();
  const run = async (text: string, script: string) => {
    const source = await harness.source({ lock: "x", "app.txt": text });
    // Rewritten with the same content, as package managers do with their own list.
    const step = shell(
      `rm -rf node_modules/dev && cp node_modules/lib/word w && cat w > node_modules/lib/word && rm w && ${script}`,
    );
    const plan = testPlan({ layers: [layer], build: { title: "Building", files: [], commands: [step] } });
    const built = await harness.build(app, source, { plan });
    const shown = await harness.run(imageOf(built), [
      "bash",
      "-c",
      "cd /app; cat app.txt node_modules/lib/word; ls node_modules; stat -c %u node_modules/lib",
    ]);
    const isReused = built.lines.some((line) => line.includes("Dependencies as before the build, reused"));
    return { shown: shown.split("\n"), isReused };
  };
  expect(await run("first\n", "true")).toEqual({ shown: ["first", "one", "lib", "1000"], isReused: false });
  expect(await run("second\n", "true")).toEqual({ shown: ["second", "one", "lib", "1000"], isReused: true });
  const changed = "echo two > node_modules/lib/word && touch -d 2001-01-01 node_modules/lib/word";
  expect(await run("third\n", changed)).toEqual({ shown: ["third", "two", "lib", "1000"], isReused: false });
  expect(
    await run(
      "fourth\n",
      "rm -rf node_modules && mkdir node_modules && mkdir node_modules/lib && echo x > node_modules/lib/word",
    ),
  ).toEqual({
    shown: ["fourth", "x", "lib", "1000"],
    isReused: false,
  });
});

test("what only the build needed is removed once for the same dependencies, and again where a build has changed them", async () => {
  const layer = testLayer("dependencies", {
    commands: [
      { ...shell("mkdir -p node_modules/lib node_modules/dev && echo one > node_modules/lib/word"), env: nonce() },
    ],
    files: ["lock"],
    keep: ["/app/node_modules"],
  });
  const app = harness.app();
  const pruning = {
    ...shell('if [ "${KEEP:-}" = "" ]; then rm -rf node_modules/dev; fi; echo pruned'),
    withConfig: true,
    prunes: true,
  } as const;
  const run = async (text: string, script: string, config = {}, after: readonly PlanCommand[] = []) => {
    const source = await harness.source({ lock: "x", "app.txt": text });
    const commands = [shell(`ls node_modules/dev && ${script}`), pruning, ...after];
    const plan = testPlan({ layers: [layer], build: { title: "Building", files: [], commands } });
    const built = await harness.build(app, source, { plan, config });
    const shown = await harness.run(imageOf(built), [
      "bash",
      "-c",
      "cd /app; cat app.txt node_modules/lib/word; ls -1 node_modules",
    ]);
    return [...shown.split("\n"), built.lines.some((line) => line.includes("       pruned"))];
  };
  expect(await run("first\n", "true")).toEqual(["first", "one", "lib", true]);
  expect(await run("second\n", "true")).toEqual(["second", "one", "lib", false]);
  expect(await run("third\n", "echo two > node_modules/lib/word")).toEqual(["third", "two", "lib", true]);
  expect(await run("fourth\n", "mkdir node_modules/made")).toEqual(["fourth", "one", "lib", "made", true]);
  expect(await run("fifth\n", "true", { KEEP: "1" })).toEqual(["fifth", "one", "dev", "lib", true]);
  // Whatever comes behind it may look at what is left.
  const cleanup = shell("ls node_modules | tr '\\n' ' ' >> app.txt; echo >> app.txt");
  expect(await run("sixth\n", "true", {}, [cleanup])).toEqual(["sixth", "lib ", "one", "lib", true]);
});

test("owners, modes, links and odd names arrive as they are, `.git` does not", async () => {
  const source = await harness.source({
    "app.txt": "x",
    "sub/deep/f": "deep",
    ".git/config": "no",
    "sub/.git": "gitdir: x",
  });
  await writeFile(path.join(source, "run.sh"), "#!/bin/sh\n");
  await chmod(path.join(source, "run.sh"), 0o755);
  await symlink("sub/deep", path.join(source, "link"));
  await symlink("./app.txt", path.join(source, "dotlink"));
  await symlink("/etc/passwd", path.join(source, "outside"));
  await writeFile(path.join(source, "näme with spaces\nand a line"), "odd");
  await writeFile(Buffer.concat([Buffer.from(`${source}/`), Buffer.of(0xff, 0xfe)]), "bytes");
  await mkdir(path.join(source, "x".repeat(200)), { recursive: true });
  await writeFile(path.join(source, "x".repeat(200), "y".repeat(200)), "long");
  const image = imageOf(await harness.build(harness.app(), source, { plan: testPlan() }));
  const script = "find . -printf '%U:%G %M %p -> %l\\0' | tr '\\0\\n' '\\n?'";
  const listed = (await harness.run(image, ["bash", "-c", `${script} | cat -v`]))
    .split("\n")
    .map((line) => line.trimEnd())
    .toSorted();
  expect(listed).toEqual(
    [
      "drwxr-xr-x . ->",
      `drwxr-xr-x ./${"x".repeat(200)} ->`,
      "drwxr-xr-x ./sub ->",
      "drwxr-xr-x ./sub/deep ->",
      "-rw-r--r-- ./app.txt ->",
      "-rw-r--r-- ./nM-CM-$me with spaces?and a line ->",
      `-rw-r--r-- ./${"x".repeat(200)}/${"y".repeat(200)} ->`,
      "-rw-r--r-- ./sub/deep/f ->",
      "-rw-r--r-- ./M-^?M-~ ->",
      "-rwxr-xr-x ./run.sh ->",
      "lrwxrwxrwx ./dotlink -> ./app.txt",
      "lrwxrwxrwx ./link -> sub/deep",
      "lrwxrwxrwx ./outside -> /etc/passwd",
    ]
      .map((line) => `1000:1000 ${line}`)
      .toSorted(),
  );
});

test("layers are made once; a changed input makes that one and those after it again", async () => {
  const env = nonce();
  const plan = testPlan({
    layers: [
      testLayer("runtime", {
        keep: ["/opt/rt"],
        commands: [{ ...shell("mkdir -p /opt/rt && date +%N > /opt/rt/v && echo made rt", { user: "root" }), env }],
      }),
      testLayer("dependencies", {
        files: ["lock", "sub"],
        keep: ["/app/mods", "/app/none"],
        commands: [shell("mkdir mods && cp -r lock sub mods/ && cat /opt/rt/v > mods/v && echo made deps")],
      }),
    ],
  });
  const app = harness.app();
  const source = await harness.source({ "app.txt": "1", lock: "a", "sub/x": "s" });
  const show = (run: BuildRun) =>
    harness.run(imageOf(run), ["bash", "-c", "cat app.txt mods/lock mods/sub/x; cat /opt/rt/v | cmp - mods/v"]);
  const first = await harness.build(app, source, { plan });
  expect(first.lines).toEqual(expect.arrayContaining(["       made rt", "       made deps"]));
  expect(await show(first)).toBe("1as");

  await writeFile(path.join(source, "app.txt"), "2");
  const codeOnly = await harness.build(app, source, { plan });
  expect(codeOnly.lines.slice(2)).toEqual([
    "       Runtime unchanged, reused",
    "       Dependencies unchanged, reused",
  ]);
  expect(await show(codeOnly)).toBe("2as");

  await writeFile(path.join(source, "lock"), "b");
  const newLock = await harness.build(app, source, { plan });
  expect(newLock.lines.slice(2)).toEqual([
    "       Runtime unchanged, reused",
    "-----> Making dependencies",
    "       made deps",
  ]);
  expect(await show(newLock)).toBe("2bs");

  const otherApp = await harness.build(harness.app("other"), source, { plan });
  expect(otherApp.lines).toContain("       Dependencies unchanged, reused");
  const otherSpace = await harness.build(harness.app("third", "elsewhere"), source, { plan });
  expect(otherSpace.lines).toEqual(expect.arrayContaining(["       Runtime unchanged, reused", "       made deps"]));
});

test("inputs are written over the files of a layer and the source over them", async () => {
  const plan = testPlan({
    layers: [
      testLayer("dependencies", {
        files: ["pkg/package.json"],
        inputs: { "pkg/package.json": "reduced", "new/deep/x": "y" },
        keep: ["/app/seen"],
        commands: [{ ...shell("cat pkg/package.json new/deep/x > seen && touch new/deep/z pkg/z"), env: nonce() }],
      }),
    ],
    build: { title: "Building", files: [], commands: [shell("cat pkg/package.json > now")] },
  });
  const source = await harness.source({ "app.txt": "", "pkg/package.json": "whole" });
  const run = await harness.build(harness.app(), source, { plan });
  expect(await harness.run(imageOf(run), ["bash", "-c", "cat seen now"])).toBe("reducedywhole");
});

test("a build step sees config vars, which are masked in its output and not in the image", async () => {
  const plan = testPlan({
    layers: [
      testLayer("tools", {
        launch: false,
        commands: [{ ...shell("echo tool > /opt/tool; env", { user: "root" }), env: nonce() }],
      }),
    ],
    build: {
      title: "Building",
      files: [],
      commands: [
        shell('echo "token $TOKEN from $SOURCE_VERSION"; cat /opt/tool > built; rm gone', { withConfig: true }),
        shell("env | grep -c TOKEN || true"),
      ],
    },
  });
  const source = await harness.source({ "app.txt": "", gone: "x" });
  const run = await harness.build(harness.app(), source, { plan, config: { TOKEN: "hush-hush-1" } });
  expect(run.lines.slice(-3)).toEqual(["-----> Building", "       token *** from c0ffee", "       0"]);
  expect(run.lines.join()).not.toContain("hush");
  expect(await harness.run(imageOf(run), ["bash", "-c", "ls; cat built; ls /opt; env"])).not.toMatch(
    /hush|gone|\btool.*\n.*tool\n.*tool/,
  );
  expect(await harness.run(imageOf(run), ["bash", "-c", "ls /opt; cat built"])).toBe("tool");
  const history = JSON.stringify(await harness.docker.getImage(imageOf(run)).history());
  expect(history).not.toContain("hush");
});

test("the cache is there again in the app's next build, and in no other app's", async () => {
  const plan = testPlan({
    build: { title: "Building", files: [], commands: [shell("cat /cache/x; echo kept >> /cache/x")] },
  });
  const source = await harness.source({ "app.txt": "" });
  const app = harness.app();
  await harness.build(app, source, { plan });
  expect((await harness.build(app, source, { plan })).lines).toContain("       kept");
  expect((await harness.build(harness.app("other"), source, { plan })).lines).not.toContain("       kept");
});

test("a layer without files of the app is made without its cache", async () => {
  const layers = [
    testLayer("runtime", { commands: [{ ...shell("ls -d /cache; true"), env: nonce() }], keep: ["/opt/x"] }),
  ];
  const run = await harness.build(harness.app(), await harness.source({ "app.txt": "" }), {
    plan: testPlan({ layers }),
  });
  expect(run.lines.join("\n")).toContain("cannot access '/cache'");
});

test("a command that fails ends the build with its exit code and hint, its output shown", async () => {
  const commands = [shell("echo out; echo err >&2; exit 3", { hint: "Run it locally." }), shell("echo never")];
  const run = await harness.build(harness.app(), await harness.source({ "app.txt": "" }), {
    plan: testPlan({ build: { title: "Building", files: [], commands } }),
  });
  expect(run.result).toMatchObject({ ok: false, hint: "Run it locally." });
  expect(reasonOf(run)).toMatch(/exited with code 3\.$/);
  expect(run.lines).toEqual(expect.arrayContaining(["       out", "       err"]));
  expect(run.lines).not.toContain("       never");
  expect(await harness.containers()).toEqual([]);
});

test("a program that does not exist is a failure of that command", async () => {
  const commands = [{ ...shell(""), argv: ["no-such-program", "x"] }];
  const run = await harness.build(harness.app(), await harness.source({ "app.txt": "" }), {
    plan: testPlan({ build: { title: "Building", files: [], commands } }),
  });
  expect(reasonOf(run)).toMatch(/^no-such-program x exited with code 12[67]\.$/);
});

test("a failed layer is not kept", async () => {
  const layers = [
    testLayer("flaky", {
      keep: ["/app/x"],
      files: ["app.txt"],
      commands: [{ ...shell("echo trying; exit 1"), env: nonce() }],
    }),
  ];
  const source = await harness.source({ "app.txt": "" });
  for (const _attempt of [1, 2])
    expect((await harness.build(harness.app(), source, { plan: testPlan({ layers }) })).lines).toContain(
      "       trying",
    );
});

test("a Procfile is read before anything runs", async () => {
  const source = await harness.source({ "app.txt": "", Procfile: "web: a\n<<<<<<< HEAD\n" });
  const layers = [testLayer("never", { commands: [shell("true")] })];
  const run = await harness.build(harness.app(), source, { plan: testPlan({ layers }) });
  expect(reasonOf(run)).toContain("Procfile line 2");
  expect(run.lines.join()).not.toContain("never");
});

test("a Procfile replaces the plan's processes", async () => {
  const source = await harness.source({ "app.txt": "", Procfile: "web: cat app.txt\nworker: sleep 1\n" });
  const { result } = await harness.build(harness.app(), source, { plan: testPlan() });
  expect(result.ok && result.droplet.processes.map((p) => p.type)).toEqual(["web", "worker"]);
});

test("a command starts after the profile scripts, in order, and gets signals itself", async () => {
  const command = `echo "$A$B \${0##*/}"; exec sleep 0`;
  const source = await harness.source({
    ".profile.d/1.sh": "export A=first",
    ".profile.d/2.sh": 'export B="$A-second"',
    ".profile": "export A=last",
    "app.txt": "",
  });
  const plan = testPlan({ processes: [{ type: web, command }] });
  const run = await harness.build(harness.app(), source, { plan });
  expect(await harness.run(imageOf(run))).toBe("lastfirst-second bash");
  const { launcher } = run.result.ok ? run.result.droplet : { launcher: [] };
  const script = "trap 'echo got TERM; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
  const container = await harness.docker.createContainer({
    Image: imageOf(run),
    Entrypoint: [...launcher, script],
    Labels: { [labels.home]: harness.home, [labels.kind]: "build" },
    HostConfig: { Init: true },
    Tty: true,
  });
  await container.start();
  await expect
    .poll(async () => (await container.logs({ stdout: true })).toString(), { timeout: 10_000 })
    .toContain("ready");
  await container.stop({ t: 10 });
  expect((await container.logs({ stdout: true })).toString()).toContain("got TERM");
  await container.remove({ force: true });
});

test("a source of 5,000 files is a droplet within seconds", async () => {
  const source = await harness.source({ "app.txt": "x" });
  execFileSync(
    "bash",
    ["-c", "for d in {1..50}; do mkdir d$d; for f in {1..100}; do echo $d $f > d$d/f$f; done; done"],
    { cwd: source },
  );
  const startedAt = performance.now();
  const run = await harness.build(harness.app(), source, { plan: testPlan() });
  expect(performance.now() - startedAt).toBeLessThan(30_000);
  expect(await harness.run(imageOf(run), ["bash", "-c", "find . -type f | wc -l"])).toBe("5001");
});

test("process types without a web get a droplet too", async () => {
  const source = await harness.source({ "app.txt": "", Procfile: "worker: sleep 1" });
  const { result } = await harness.build(harness.app(), source, { plan: testPlan() });
  expect(result.ok && result.droplet.processes).toEqual([{ type: "worker" as ProcessType, command: "sleep 1" }]);
});
