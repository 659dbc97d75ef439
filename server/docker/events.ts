import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { createInterface } from "node:readline";
import type { AppId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import { labels } from "./client.ts";

export interface EventListeners {
  /** A container of this app has started or ended. */
  readonly onInstance: (appId: AppId) => void;
  /** The container of a service has started or ended. */
  readonly onService: () => void;
  /** The stream is there again: whatever happened in between was not seen. */
  readonly onConnect: () => void;
}

interface EngineEvent {
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> };
}

const retryMs = 1000;

/** Follows the engine's events of this installation until the signal, through restarts of the engine. */
export async function followEvents(
  docker: Docker,
  home: string,
  listeners: EventListeners,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const filters = JSON.stringify({
    type: ["container"],
    event: ["start", "die", "destroy"],
    label: [`${labels.home}=${home}`],
  });
  while (!signal.aborted) {
    try {
      const stream: NodeJS.ReadableStream = await docker.getEvents({ filters, abortSignal: signal });
      listeners.onConnect();
      await readEvents(stream, listeners);
    } catch (err) {
      if (!signal.aborted) log.debug("event stream ended", { err });
    }
    await delay(retryMs, undefined, { signal }).catch(() => undefined);
  }
}

async function readEvents(stream: NodeJS.ReadableStream, listeners: EventListeners): Promise<void> {
  const failed = new Promise<never>((_, reject) => stream.once("error", reject));
  const read = async () => {
    for await (const line of createInterface({ input: stream })) {
      const attributes = (JSON.parse(line) as EngineEvent).Actor?.Attributes ?? {};
      const appId = attributes[labels.app];
      if (appId !== undefined) listeners.onInstance(appId as AppId);
      if (attributes[labels.kind] === "service") listeners.onService();
    }
  };
  await Promise.race([read(), failed]);
}
