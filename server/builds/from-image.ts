import { web } from "../core/ids.ts";
import type { DropletContent } from "../core/types.ts";
import type { BuildContext } from "./build-context.ts";
import { dockerfileLauncher } from "./dockerfile.ts";
import { dropletRef } from "./droplet.ts";
import { BuildFailed } from "./failure.ts";
import { parseProcfile } from "./procfile.ts";
import { directorySource } from "./source-view.ts";

const defaultPort = 8080;

/**
 * A droplet that is an image of somebody else's: the same layers under a name and labels of ours, so that removing it never
 * takes the other away. A Procfile that came with it names its processes, else its own command is `web`.
 */
export async function dropletFromImage(context: BuildContext, imageId: string): Promise<DropletContent> {
  const { engine, input, owner, out } = context;
  const text = directorySource(input.sourceDir).read("Procfile");
  const processes = text === undefined ? undefined : parseProcfile(text);
  const { hasCommand } = await engine.imageFacts(imageId);
  if (processes === undefined && !hasCommand)
    throw new BuildFailed(
      "The image has neither CMD nor ENTRYPOINT, and no Procfile: nothing says how to start it.",
      "Give it a CMD, or a label paas.procfile with lines like: web: node server.js",
    );
  const id = await context.timed("take the image over", () => engine.adopt(imageId, owner, dropletRef(owner.buildId)));
  const facts = await engine.imageFacts(id);
  const types = (processes ?? [{ type: web }]).map(({ type }) => type).join(", ");
  out.detail(`Processes of the image: ${types}`);
  return {
    kind: "dockerfile",
    imageId: id,
    processes: processes ?? [{ type: web, command: undefined }],
    launcher: dockerfileLauncher,
    env: {},
    port: facts.tcpPorts[0] ?? defaultPort,
    builder: `image ${input.imageName ?? imageId.slice(0, 19)}`,
  };
}
