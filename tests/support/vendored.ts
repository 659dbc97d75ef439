import { readFile } from "node:fs/promises";
import path from "node:path";
import { newId } from "../../server/core/ids.ts";
import { labels } from "../../server/docker/client.ts";
import { serverApp } from "./apps.ts";
import { findStackImages } from "./build-harness.ts";
import { openTestEngine } from "./engine.ts";
import { fixtures, type TestPaas } from "./paas.ts";

const scripts = path.join(import.meta.dirname, "..", "fixtures", "packages");

/**
 * Puts dependencies beside an app's source, as those do who vendor them: made of Debian's packages, since the
 * language's own index cannot be reached from everywhere that tests run. Answers what the script said.
 */
export async function vendor(script: "ruby.sh" | "php.sh" | "poetry.sh" | "rails.sh", appDir: string): Promise<string> {
  await using engine = await openTestEngine();
  const { buildImage } = await findStackImages(engine.docker);
  const container = await engine.docker.createContainer({
    Image: buildImage,
    Cmd: ["bash", "-c", `bash /packages/${script}; code=$?; chown -R ${process.getuid?.() ?? 0} /app; exit $code`],
    Labels: { [labels.home]: engine.home, [labels.kind]: "build" },
    Tty: true,
    HostConfig: { Init: true, Binds: [`${scripts}:/packages:ro`, `${appDir}:/app`] },
  });
  await container.start();
  const { StatusCode } = (await container.wait()) as { StatusCode: number };
  const output = (await container.logs({ stdout: true, stderr: true })).toString();
  if (StatusCode !== 0) throw new Error(`${script} ended with ${StatusCode}:\n${output}`);
  return output;
}

/**
 * The lockfile of the Rust example, which names a package index: made by a build, for which the dependencies are
 * optional, so that none is compiled. The manifest is marked, so that what an earlier run has compiled is not taken.
 */
export async function cargoFiles(paas: TestPaas): Promise<Readonly<Record<string, string>>> {
  const manifest = await readFile(path.join(fixtures, "rust-axum", "Cargo.toml"), "utf8");
  const app = await paas.app("lock", {
    "Cargo.toml": manifest.replaceAll("default-features = false", "default-features = false, optional = true"),
    "src/main.rs": "fn main() {}",
    ...serverApp("locked"),
  });
  await app.mustPush();
  const { stdout } = await app.mustCli("run", "cat Cargo.lock");
  await paas.cli(["apps:destroy", "lock", "--confirm", "lock"]);
  const marked = `${manifest}\n[features]\nmarked-${newId()} = []\n`;
  return { "Cargo.toml": marked, "Cargo.lock": stdout.replaceAll("\r\n", "\n") };
}
