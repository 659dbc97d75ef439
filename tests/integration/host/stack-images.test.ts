import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { connectDocker, labels } from "../../../server/docker/client.ts";
import { hostEngine } from "../../../server/docker/host-engine.ts";
import { runDoctor } from "../../../server/host/doctor.ts";
import { realStackDeps } from "../../../server/host/real-deps.ts";
import { ensureStack, type Stack } from "../../../server/host/stack.ts";
import { recordedOutput } from "../../support/host-fakes.ts";

const docker = connectDocker();
const engine = hostEngine(docker);
const signal = () => AbortSignal.timeout(280_000);

describe("the stack on this engine", () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await ensureStack(realStackDeps(engine.images), recordedOutput().out, signal());
  });

  test("is answered at once and silently when it is there", async () => {
    const { out, lines } = recordedOutput();
    const startedAt = Date.now();
    expect(await ensureStack(realStackDeps(engine.images), out, signal())).toEqual(stack);
    expect(Date.now() - startedAt).toBeLessThan(1_000);
    expect(lines).toEqual([]);
  });

  test("carries the labels of what is ours", async () => {
    const { Config } = await docker.getImage(stack.buildImage).inspect();
    expect(Config.Labels).toMatchObject({ [labels.kind]: "stack", [labels.stack]: "debian-13" });
  });

  test("runs apps as uid 1000 in a folder of their own", async () => {
    expect(await inContainer(stack.runImage, ["sh", "-c", "id -u; pwd; touch /app/x && echo writable"], "app")).toBe(
      "1000\n/app\nwritable\n",
    );
  });

  test("has what running apps need", async () => {
    const script =
      "python3 -V && psql --version && redis-cli --version && nginx -v && tini --version && curl --version";
    expect(await inContainer(stack.runImage, ["sh", "-c", `${script} >/dev/null && echo all`])).toContain("all");
  });

  test("builds with the Go and Python that it says it has", async () => {
    const said = await inContainer(stack.buildImage, [
      "sh",
      "-c",
      "go version; python3 -V; git --version; cc --version",
    ]);
    expect(said).toContain(`go${stack.goVersion}.`);
    expect(said).toContain(`Python ${stack.pythonVersion}.`);
  });

  test("trusts what this machine trusts", async () => {
    const { Config } = await docker.getImage(stack.runImage).inspect();
    expect(Config.Env).toContain("SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt");
    const own = await realStackDeps(engine.images).host.extraCas();
    const found = await inContainer(stack.runImage, ["sh", "-c", "ls /usr/local/share/ca-certificates"]);
    expect(found.split(/\s+/).filter(Boolean)).toEqual(own.map((ca) => ca.path));
  });

  test("a build that fails inside the engine's stream is a failure, and leaves no image", async () => {
    const ref = "paas/stack-test:broken";
    const build = { ref, stack: "test", files: [], onOutput: () => {} };
    const dockerfile = `FROM ${stack.runImage}\nRUN echo before && exit 7\n`;
    await expect(engine.images.build({ ...build, dockerfile }, signal())).rejects.toThrow(/code: 7/);
    expect(await engine.images.has(ref)).toBe(false);
  });

  test("a pull gives up soon where no registry answers", async () => {
    const startedAt = Date.now();
    await expect(engine.images.pull("127.0.0.1:1/none:none", 2_000, signal())).rejects.toThrow(/./);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
  });

  test("the doctor finds this machine ready", async () => {
    const { out, lines } = recordedOutput();
    const settings = {
      home: path.join(tmpdir(), "paas-doctor"),
      listen: "127.0.0.1",
      httpPort: 0,
      sshPort: 0,
      apiPort: 0,
    };
    const report = await runDoctor({ fix: true, out, engine, settings, signal: signal() });
    expect(report.ready).toBe(true);
    expect(lines.at(-1)).toBe("=====> this machine is ready");
  });
});

async function inContainer(image: string, command: readonly string[], user = "root"): Promise<string> {
  const container = await docker.createContainer({
    Image: image,
    Cmd: [...command],
    User: user,
    Tty: true,
    Labels: { [labels.kind]: "test" },
  });
  try {
    await container.start();
    await container.wait();
    const logs = await container.logs({ stdout: true, stderr: true });
    return logs.toString().replaceAll("\r", "");
  } finally {
    await container.remove({ force: true });
  }
}
