import path from "node:path";
import { labels } from "../../server/docker/client.ts";
import { findStackImages } from "./build-harness.ts";
import { openTestEngine } from "./engine.ts";

const scripts = path.join(import.meta.dirname, "..", "fixtures", "packages");

/**
 * Puts dependencies beside an app's source, as those do who vendor them: made of Debian's packages, since the
 * language's own index cannot be reached from everywhere that tests run. Answers what the script said.
 */
export async function vendor(script: "ruby.sh" | "php.sh", appDir: string): Promise<string> {
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
