import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeDropletImages } from "../../../server/builds/clean-up.ts";
import { newId } from "../../../server/core/ids.ts";
import { labels } from "../../../server/docker/client.ts";
import { madeWithin } from "../../../server/builds/step-cache.ts";
import type { DockerfileSettings } from "../../../server/builds/dockerfile-settings.ts";
import { BuildHarness, type BuildRun, findStackImages, type SourceFiles } from "../../support/build-harness.ts";

const harness = new BuildHarness();
const hasty = new BuildHarness({ limits: { timeoutMs: 3000 } });
const writer = new BuildHarness({ limits: { diskBytes: 256 * 1024 ** 2 } });
const classic = new BuildHarness({ builder: "classic" });
const small = new BuildHarness({ limits: { memoryBytes: 64 * 1024 ** 2 } });
let base = "";
beforeAll(async () => {
  base = (await findStackImages(harness.docker)).runImage;
});
afterAll(async () => {
  for (const each of [harness, hasty, writer, small, classic]) await each[Symbol.asyncDispose]();
});

async function build(dockerfile: string, files: SourceFiles = {}, on = harness): Promise<BuildRun> {
  const source = await on.source({ Dockerfile: dockerfile.replaceAll("BASE", base), ...files });
  return on.build(on.app(), source);
}

function dropletOf({ result, lines }: BuildRun) {
  if (!result.ok) throw new Error(`${result.reason}\n${lines.join("\n")}`);
  return result.droplet;
}

function reasonOf({ result }: BuildRun): string {
  return result.ok ? "it succeeded" : result.reason;
}

async function buildWith(dockerfile: DockerfileSettings, config: Readonly<Record<string, string>>, files: SourceFiles) {
  const own = Object.entries(files).map(([name, text]) => [name, text.replaceAll("BASE", base)]);
  return harness.build(harness.app(), await harness.source(Object.fromEntries(own)), { dockerfile, config });
}

/** No build step is cached from an earlier run. */
const fresh = () => `ENV NONCE=${newId()}`;

test("the image is the droplet, its steps are shown, its first exposed port is where web listens", async () => {
  const run = await build(
    `FROM BASE\n${fresh()}\nEXPOSE 3000/tcp 80 53/udp\nCOPY page.txt /page.txt\nRUN echo from-the-step\nCMD ["cat", "/page.txt"]\n`,
    {
      "page.txt": "hello",
    },
  );
  const droplet = dropletOf(run);
  expect(droplet).toMatchObject({ kind: "dockerfile", port: 3000, builder: "Dockerfile", launcher: ["/bin/sh", "-c"] });
  expect(droplet.processes).toEqual([{ type: "web", command: undefined }]);
  expect(run.lines).toEqual(expect.arrayContaining(["-----> Dockerfile found"]));
  expect(run.lines.join("\n")).toMatch(
    /#\d+ \[2\/3\] COPY page.txt[^]*#\d+ \[3\/3\] RUN echo[^]*#\d+ \d\.\d+ from-the-step[^]*#\d+ DONE/,
  );
  expect(run.lines.join("\n")).not.toContain("LABEL paas");
  expect(await harness.run(droplet.imageId)).toBe("hello");
  const { Config } = await harness.docker.getImage(droplet.imageId).inspect();
  expect(Config.Labels).toMatchObject({ [labels.kind]: "droplet", [labels.home]: harness.home });
});

test("without EXPOSE web listens on 8080", async () => {
  expect(dropletOf(await build("FROM BASE\nCMD true")).port).toBe(8080);
});

test("a Procfile's commands are the processes", async () => {
  const run = await build('FROM BASE\nENTRYPOINT ["false"]', { Procfile: "web: serve\nworker: work" });
  expect(dropletOf(run).processes).toEqual([
    { type: "web", command: "serve" },
    { type: "worker", command: "work" },
  ]);
});

test("a step that fails is named with its exit code, its output shown, and nothing is left", async () => {
  const run = await build(`FROM BASE\n${fresh()}\nRUN echo before && exit 7\nCMD true`);
  expect(reasonOf(run)).toMatch(/^Dockerfile step 2\/2 \(RUN echo before && exit 7\) exited with code 7\.$/);
  expect(run.lines.join("\n")).toMatch(/#\d+ \d\.\d+ before/);
  const containers = await harness.docker.listContainers({ all: true });
  expect(containers.filter((c) => c.Command.includes("echo before && exit 7"))).toEqual([]);
});

test("a base image that cannot be had is named", async () => {
  const run = await build("FROM 127.0.0.1:9/no/such-image:1.2\nCMD true");
  expect(reasonOf(run)).toMatch(/^The base image "127\.0\.0\.1:9\/no\/such-image:1\.2" could not be pulled: /);
});

test("a file that COPY does not find is named", async () => {
  expect(reasonOf(await build("FROM BASE\nCOPY nothing.txt /\nCMD true"))).toMatch(
    /^Dockerfile step 2\/2 \(COPY nothing\.txt \/\) failed: .*nothing\.txt/,
  );
});

test("a Dockerfile with an unknown instruction is refused with the engine's words", async () => {
  expect(reasonOf(await build("FROM BASE\nRUNN x"))).toMatch(
    /^The Dockerfile cannot be read: .*unknown instruction: RUNN/,
  );
});

test("an empty Dockerfile is refused", async () => {
  expect(reasonOf(await build("# nothing\n"))).toMatch(/^The Dockerfile cannot be read: /);
});

test("an image that says nowhere how to start is refused and removed", async () => {
  const run = await build(`FROM BASE\n${fresh()}\nCMD []`);
  expect(reasonOf(run)).toContain("neither CMD nor ENTRYPOINT");
});

test("`.dockerignore` and `.git` stay out of the context", async () => {
  const files = {
    ".dockerignore": "# secrets\n*.env\n**/tmp\n!keep.env\nDockerfile\n",
    "a.env": "",
    "keep.env": "",
    "src/tmp/x": "",
    "src/b.txt": "",
    ".git/config": "",
    "näme.txt": "",
  };
  const droplet = dropletOf(
    await build(`FROM BASE\n${fresh()}\nCOPY . /src/\nCMD cd /src && find . -type f | sort`, files),
  );
  expect((await harness.run(droplet.imageId)).split("\n").toSorted()).toEqual(
    ["./.dockerignore", "./Dockerfile", "./keep.env", "./näme.txt", "./src/b.txt"].toSorted(),
  );
});

test("a `.dockerignore` that cannot be read is refused with its line", async () => {
  expect(reasonOf(await build("FROM BASE\nCMD true", { ".dockerignore": "a\n!" }))).toBe(
    '.dockerignore line 2: "!" needs a pattern.',
  );
});

test("a step that fills the disk is ended and named with the limit and the verb", async () => {
  const filling = "while dd if=/dev/zero bs=1M count=8 status=none; do sleep 0.1; done > /fill";
  const { result } = await build(`FROM BASE\n${fresh()}\nRUN ${filling}\nCMD true`, {}, writer);
  expect(!result.ok && result.reason).toContain("The build wrote more than 256 MB and was ended in: ");
  expect(!result.ok && result.hint).toContain("paas builds:limits:set --disk 512M -a shop");
});

test("a step that takes too much memory is named with the limit", async () => {
  const run = await build(`FROM BASE\n${fresh()}\nRUN tail /dev/zero\nCMD true`, {}, small);
  expect(reasonOf(run)).toMatch(/step 2\/2 \(RUN tail \/dev\/zero\) ran out of memory \(builds may use 64 MB\)/);
});

test("a step that never ends is ended at the deadline and named, its container gone", async () => {
  const mark = newId();
  const run = await build(`FROM BASE\n${fresh()}\nRUN sleep 600 && echo ${mark}\nCMD true`, {}, hasty);
  expect(reasonOf(run)).toMatch(/^The build took longer than 3\.0s and was ended in: step 2\/2 \(RUN sleep 600/);
  await expect.poll(() => processesWith(mark), { timeout: 20_000 }).toEqual([]);
});

test("an abort ends the build and its container", async () => {
  const mark = newId();
  const abort = new AbortController();
  const source = await harness.source({
    Dockerfile: `FROM ${base}\n${fresh()}\nRUN echo started && sleep 600 && echo ${mark}\nCMD true`,
  });
  const onLine = (line: string) => {
    if (line.endsWith(" started")) abort.abort(new Error("cancelled"));
  };
  const build = harness.build(harness.app(), source, { signal: abort.signal, onLine });
  await expect(build).rejects.toThrow("cancelled");
  await expect.poll(() => processesWith(mark), { timeout: 20_000 }).toEqual([]);
});

test("steps before a failed one are not run again", async () => {
  const nonce = newId();
  const app = harness.app();
  const dockerfile = (last: string) =>
    `FROM ${base} AS first\nRUN echo ${nonce} > /long\nFROM ${base}\nCOPY --from=first /long /\nRUN ${last}\nCMD true`;
  const attempt = async (last: string) => harness.build(app, await harness.source({ Dockerfile: dockerfile(last) }));
  expect((await attempt("false")).result.ok).toBe(false);
  const { result, lines } = await attempt("true");
  expect(result.ok).toBe(true);
  expect(lines.filter((line) => /#\d+ CACHED/.test(line))).toHaveLength(2);
  // A purge of the app's cache makes them all anew.
  const again = await harness.source({ Dockerfile: dockerfile("true") });
  const anew = await harness.build(app, again, { cache: { purges: 1, freshSteps: true } });
  const [, step] = /#(\d+) \[first 2\/2\] RUN/.exec(anew.lines.join("\n")) ?? [];
  expect(step).toBeDefined();
  expect(anew.lines.filter((line) => line.includes(`#${step} CACHED`))).toEqual([]);
});

test("secrets reach the step that mounts them and no image, build arguments only when they are named", async () => {
  const config = { TOKEN: "s3cret-token", MODE: "fast", OTHER: "unasked" };
  const text = `FROM BASE
${fresh()}
ARG MODE
ARG OTHER=none
RUN --mount=type=secret,id=TOKEN --mount=type=cache,target=/kept test "$(cat /run/secrets/TOKEN | wc -c)" = 12 && date +%N > /kept/at
RUN echo "$MODE $OTHER" > /out
CMD cat /out; ls /run/secrets /kept
`;
  const run = await buildWith({ args: ["MODE"], secrets: ["TOKEN"] }, config, { Dockerfile: text });
  const { imageId } = dropletOf(run);
  expect((await harness.run(imageId)).split("\n")[0]).toBe("fast none");
  const history = JSON.stringify(await harness.docker.getImage(imageId).history());
  expect(history).not.toContain("s3cret-token");
});

test("a cache mount is kept for the next build of the app, and no other app sees it", async () => {
  const [one, other] = [harness.app(), harness.app()];
  const seen = async (app: typeof one, purges = 0) => {
    const mount = "--mount=type=cache,target=/kept";
    const text = `FROM ${base}\n${fresh()}\nRUN ${mount} ls /kept > /seen; touch /kept/mark\nCMD ["cat", "/seen"]`;
    const run = await harness.build(app, await harness.source({ Dockerfile: text }), {
      cache: { purges, freshSteps: false },
    });
    return harness.run(dropletOf(run).imageId);
  };
  expect([await seen(one), await seen(other), await seen(one)]).toEqual(["", "", "mark"]);
  // After a purge of the app's cache it is empty again.
  expect([await seen(one, 1), await seen(one, 1)]).toEqual(["", "mark"]);
});

test("a secret or a build argument that is not there is named", async () => {
  const text = `FROM BASE\n${fresh()}\nRUN --mount=type=secret,id=TOKEN,required=true true\nCMD true`;
  expect(reasonOf(await buildWith({}, { TOKEN: "x" }, { Dockerfile: text }))).toContain('"TOKEN"');
  expect(reasonOf(await buildWith({ secrets: ["TOKEN"] }, {}, { Dockerfile: text }))).toBe(
    "The secret TOKEN is to come from a config var, which is not set.",
  );
});

test("another path, its own ignore file, another stage", async () => {
  const files = {
    "docker/web.Dockerfile": `FROM BASE AS small\nCOPY . /src/\nCMD cd /src && find . -name '*.txt'\nFROM small\nRUN false\n`,
    "docker/web.Dockerfile.dockerignore": "a.txt\n",
    ".dockerignore": "b.txt\n",
    "a.txt": "",
    "b.txt": "",
  };
  const { imageId, builder } = dropletOf(
    await buildWith({ path: "docker/web.Dockerfile", target: "small" }, {}, files),
  );
  expect([await harness.run(imageId), builder]).toEqual(["./b.txt", "docker/web.Dockerfile"]);
});

test("a syntax line whose image cannot be had does not stand in the way", async () => {
  const run = await build(`# syntax=127.0.0.1:9/docker/dockerfile:1\nFROM BASE\n${fresh()}\nRUN true\nCMD true`, {
    "a.txt": "",
  });
  dropletOf(run);
  expect(run.lines.join("\n")).toContain("127.0.0.1:9/docker/dockerfile:1 could not be pulled");
});

test("the user, the volumes and the health check of the image are kept", async () => {
  const text = `FROM BASE\nUSER 1234\nVOLUME /data\nHEALTHCHECK CMD true\nENTRYPOINT ["id"]\nCMD ["-u"]`;
  const { imageId } = dropletOf(await build(text));
  expect(await harness.run(imageId)).toBe("1234");
  const { Config } = await harness.docker.getImage(imageId).inspect();
  expect([Config.Volumes, Config.Healthcheck?.Test]).toEqual([{ "/data": {} }, ["CMD-SHELL", "true"]]);
});

test("the classic builder has its own steps and limits", async () => {
  const run = await build(`FROM BASE\n${fresh()}\nRUN echo said\nRUN false\nCMD true`, {}, classic);
  expect(reasonOf(run)).toBe("Dockerfile step 4/5 (RUN false) exited with code 1.");
  expect(run.lines).toEqual(expect.arrayContaining(["       Step 3/5 : RUN echo said", "       said"]));
});

test("the classic builder runs no step before a failed one again, and nothing of it outlives the app", async () => {
  const nonce = newId();
  const app = classic.app();
  const dockerfile = (last: string) =>
    `FROM ${base} AS first\nLABEL nonce=${nonce}\nRUN echo long-step > /long\nFROM ${base}\nLABEL nonce=${nonce}\nCOPY --from=first /long /\nRUN ${last}\nCMD true`;
  const attempt = async (last: string) => classic.build(app, await classic.source({ Dockerfile: dockerfile(last) }));
  const named = async () => {
    const images = await harness.docker.listImages({ filters: { label: [`nonce=${nonce}`] } });
    return images.flatMap((i) => i.RepoTags ?? ["none"]).map((ref) => ref.replace(/:.*-/, ":app-"));
  };
  expect((await attempt("false")).result.ok).toBe(false);
  expect((await named()).toSorted()).toEqual(["paas/cache:app-0", "paas/cache:app-1"]);
  expect((await attempt("exit 2")).lines.filter((line) => line.includes("Using cache"))).toHaveLength(4);
  const last = await attempt("true");
  expect((await named()).toSorted()).toEqual(["paas/cache:app-0", expect.stringMatching(/^paas\/droplet:/)]);
  expect(await removeDropletImages(classic.engine, app.id)).toBe(1);
  expect(last.result.ok).toBe(true);
  await classic.engine.removeCache(app.id);
  expect(await named()).toEqual([]);
});

test("a build by the classic builder cannot name an image that is somebody else's", async () => {
  const victim = await harness.docker.getImage(base).inspect();
  const app = classic.app();
  const id = victim.Id.slice("sha256:".length).slice(0, 12);
  const source = await classic.source({
    Dockerfile: `FROM ${base}\n${fresh()}\nRUN echo " ---> ${id}" && sleep 0.1 && false`,
  });
  await classic.build(app, source);
  await classic.build(app, await classic.source({ Dockerfile: `FROM ${base}\n${fresh()}\nCMD true` }));
  expect((await harness.docker.getImage(base).inspect()).RepoTags).toEqual(victim.RepoTags);
});

/** Commands of processes on this machine, in containers too. */
async function processesWith(mark: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return commands.filter((command) => command.includes(mark) && command.includes("sleep 600"));
}

test("a step that the engine keeps is found by when it ran, and goes by itself", async () => {
  const nonce = newId();
  const from = Date.now();
  dropletOf(await build(`FROM BASE\nRUN echo ${nonce} > /first\nRUN echo ${nonce} > /last\nCMD true`));
  const ours = (await harness.engine.buildSteps()).filter((step) => step.description.includes(nonce));
  const last = ours.find((step) => step.description.includes("/last"));
  expect(madeWithin(ours, [{ from, to: Date.now() }])).toHaveLength(2);
  expect(await harness.engine.removeBuildStep(last?.id ?? "")).toBe(true);
  const left = (await harness.engine.buildSteps()).filter((step) => step.description.includes(nonce));
  expect(left.map((step) => step.description)).toEqual([expect.stringContaining("/first")]);
  expect(await harness.engine.removeBuildStep(last?.id ?? "")).toBe(false);
});
