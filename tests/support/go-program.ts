import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { newId } from "../../server/core/ids.ts";
import { connectDocker, labels } from "../../server/docker/client.ts";

const run = promisify(execFile);
const cache = path.join(import.meta.dirname, "..", "..", "node_modules", ".cache");

/** A program from the Go module proxy. */
export interface GoSource {
  readonly module: string;
  readonly version: string;
  /** The folder of its main package. */
  readonly command: string;
  /** Modules that it needs, with their versions, where its own does not say so. */
  readonly needs?: readonly string[];
}

/** Built once, with the machine's Go, else with that of the build image. Answers where it is. */
export async function goProgram(source: GoSource): Promise<string> {
  const name = path.basename(source.command);
  const folder = path.join(cache, `${name}-${source.version}`);
  const program = path.join(folder, name);
  if (existsSync(program)) return program;
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(`${folder}-`);
  const required = [`${source.module} ${source.version}`, ...(source.needs ?? [])];
  await writeFile(path.join(fresh, "go.mod"), `module build\n\nrequire (\n${required.join("\n")}\n)\n`);
  const args = ["build", "-mod=mod", "-o", name, `${source.module}/${source.command}`];
  const hasGo = await run("go", ["version"]).then(
    () => true,
    () => false,
  );
  const options = { env: { ...process.env, CGO_ENABLED: "0" }, timeout: 8 * 60_000, maxBuffer: 16 * 1024 * 1024 };
  if (hasGo) await run("go", args, { ...options, cwd: fresh });
  else await buildInContainer(name, args, fresh);
  // Another test file may have been as fast.
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true }));
  return program;
}

/** On a machine without Go the build image has it. */
async function buildInContainer(name: string, args: readonly string[], folder: string): Promise<void> {
  const docker = connectDocker();
  const images = await docker.listImages({ filters: { label: [`${labels.kind}=stack`] } });
  const tags = images.flatMap((image) => image.RepoTags ?? []);
  const image = tags.find((tag) => tag.startsWith("paas/stack-build:"));
  if (image === undefined) throw new Error("The stack is missing. Make it with: cli/paas doctor --fix");
  const container = await docker.createContainer({
    Image: image,
    Cmd: ["go", ...args],
    WorkingDir: "/out",
    Env: ["CGO_ENABLED=0", "GOCACHE=/tmp/cache", "GOPATH=/tmp/go"],
    Labels: { [labels.home]: newId() },
    HostConfig: { Binds: [`${folder}:/out`], NetworkMode: "host" },
  });
  try {
    await container.start();
    const { StatusCode: code } = (await container.wait()) as { readonly StatusCode: number };
    const said = code === 0 ? "" : (await container.logs({ stdout: true, stderr: true })).toString();
    if (code !== 0) throw new Error(`${name} was not built (${code}): ${said}`);
  } finally {
    await container.remove({ force: true, v: true });
  }
}
