import type { connectDocker } from "../docker/client.ts";
import { silentOutput } from "../core/output.ts";
import type { Log } from "../core/log.ts";
import { stackImages } from "../docker/stack-images.ts";
import { realStackDeps } from "../host/real-deps.ts";
import { ensureStack, findStack, type Stack } from "../host/stack.ts";

/** The stack, looked for once and made when it is missing. A failure is not kept: the next one who asks tries again. */
export function createStackSource(docker: ReturnType<typeof connectDocker>, log: Log): () => Promise<Stack> {
  let known: Promise<Stack> | undefined;
  return () => {
    if (known) return known;
    const fresh = ensureStack(realStackDeps(stackImages(docker)), silentOutput, AbortSignal.timeout(20 * 60_000));
    known = fresh;
    fresh.catch((err: unknown) => {
      log.error("the stack could not be made", { err });
      known = undefined;
    });
    return fresh;
  };
}

/** The names of the stack's images, if it is there; it is not made. */
export function createStackFinder(docker: ReturnType<typeof connectDocker>) {
  return async (): Promise<readonly string[] | undefined> => {
    const stack = await findStack(realStackDeps(stackImages(docker)));
    return stack && [stack.buildImage, stack.runImage];
  };
}
