import { readFile } from "node:fs/promises";
import type Docker from "dockerode";
import { AppError } from "../core/errors.ts";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";
import { chooseSubnet, parseHostRoutes } from "./subnet.ts";

export interface Networks {
  /** Name of the network that all containers of a space share; made when missing. */
  of(space: string, signal: AbortSignal): Promise<string>;
  /** Removes the networks of this installation that nothing uses. */
  removeUnused(signal: AbortSignal): Promise<void>;
}

const timeoutMs = 30_000;

export function createNetworks(docker: Docker, home: string): Networks {
  /** Asked for at this moment: who asks too gets the same answer. Not kept, since networks may be removed by hand. */
  const asked = new Map<string, Promise<string>>();

  const find = async (space: string, signal: AbortSignal) => {
    const filters = { label: [`${labels.home}=${home}`, `${labels.space}=${space}`] };
    const found = await bounded("list networks", timeoutMs, signal, () => docker.listNetworks({ filters }));
    return found[0]?.Name;
  };

  const make = async (space: string, signal: AbortSignal): Promise<string> => {
    const existing = await find(space, signal);
    if (existing !== undefined) return existing;
    const refused = new Set<string>();
    for (;;) {
      const subnet = chooseSubnet([...(await usedSubnets(docker, signal)), ...refused]);
      if (subnet === undefined) {
        throw new AppError("RUNTIME_FAILED", { action: "make a network", cause: "no free subnet in 10.210.0.0/16" });
      }
      const name = await create(space, subnet, signal);
      if (name !== undefined) return name;
      refused.add(subnet);
    }
  };

  /** Undefined when somebody else has taken the subnet in the meantime. */
  const create = async (space: string, subnet: string, signal: AbortSignal): Promise<string | undefined> => {
    const name = `paas-${home.slice(0, 6)}-${space}`;
    try {
      await bounded("make a network", timeoutMs, signal, () =>
        docker.createNetwork({
          Name: name,
          CheckDuplicate: true,
          Driver: "bridge",
          IPAM: { Driver: "default", Config: [{ Subnet: subnet }] },
          Labels: { [labels.home]: home, [labels.kind]: "network", [labels.space]: space },
        }),
      );
      return name;
    } catch (err) {
      if (isStatus(err instanceof AppError ? err.cause : err, 403)) return undefined;
      throw err;
    }
  };

  return {
    of(space, signal) {
      signal.throwIfAborted();
      const known = asked.get(space);
      if (known) return known;
      // Not the signal of who came first: others wait for it too.
      const fresh = make(space, AbortSignal.timeout(timeoutMs)).finally(() => asked.delete(space));
      asked.set(space, fresh);
      return fresh;
    },
    async removeUnused(signal) {
      const filters = { label: [`${labels.home}=${home}`] };
      const found = await bounded("list networks", timeoutMs, signal, () => docker.listNetworks({ filters }));
      for (const network of found)
        await docker
          .getNetwork(network.Id)
          .remove()
          .catch(() => undefined);
    },
  };
}

async function usedSubnets(docker: Docker, signal: AbortSignal): Promise<readonly string[]> {
  const networks = await bounded("list networks", timeoutMs, signal, () => docker.listNetworks());
  const ofEngine = networks.flatMap((network) => (network.IPAM?.Config ?? []).map((config) => config["Subnet"] ?? ""));
  const routes = await readFile("/proc/net/route", "utf8").catch(() => "");
  return [...ofEngine, ...parseHostRoutes(routes)];
}
