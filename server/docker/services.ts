import type Docker from "dockerode";
import type { ContainerSpec, ServiceRef, ServiceRuntime } from "../services/ports.ts";
import { bounded } from "./bounded.ts";
import { isStatus, labels } from "./client.ts";
import { runExec } from "./service-exec.ts";
import { splitLogFrames } from "./log-frames.ts";
import { ensureServiceImage } from "./service-image.ts";

const shortMs = 30_000;
const execMs = 60_000;
const bytesPerMb = 1024 * 1024;

/** Containers and volumes of services on Docker. */
export function createServiceRuntime(docker: Docker, home: string): ServiceRuntime {
  const containerOf = (service: ServiceRef) => docker.getContainer(containerName(home, service));
  const inspect = async (service: ServiceRef, signal: AbortSignal) => {
    const info = await bounded("inspect a service", shortMs, signal, (abortSignal) =>
      containerOf(service).inspect({ abortSignal }).catch(undefinedOn(404)),
    );
    return info?.Config.Labels[labels.service] === service.id ? info : undefined;
  };

  return {
    ensureImage: (recipe, out, signal) => ensureServiceImage(docker, recipe, out, signal),

    async hasVolume(service, signal) {
      const volume = docker.getVolume(volumeName(home, service));
      const info = await bounded("inspect a volume", shortMs, signal, () => volume.inspect().catch(undefinedOn(404)));
      return info !== undefined;
    },

    async createVolume(service, signal) {
      const Labels = { ...ownerLabels(home, service), [labels.space]: service.space };
      await lasting("make a volume", signal, () =>
        docker.createVolume({ Name: volumeName(home, service), Driver: "local", Labels }),
      );
    },

    async removeVolume(service, signal) {
      const volume = docker.getVolume(volumeName(home, service));
      await lasting("remove a volume", signal, () => volume.remove().catch(undefinedOn(404)));
    },

    async inspect(service, signal) {
      const info = await inspect(service, signal);
      if (info === undefined) return undefined;
      const networks = Object.entries(info.NetworkSettings.Networks);
      return {
        running: info.State.Running && !info.State.Restarting,
        restarts: info.RestartCount,
        networks: networks.flatMap(([name, endpoint]) => [name, endpoint.NetworkID]),
      };
    },

    async create(spec, signal) {
      await lasting("make a service", signal, () => docker.createContainer(createOptions(home, spec)));
    },

    async start(service, signal) {
      await lasting("start a service", signal, () => containerOf(service).start().catch(undefinedOn(304)));
    },

    async remove(service, graceMs, signal) {
      const info = await inspect(service, signal);
      if (info === undefined) return;
      const container = docker.getContainer(info.Id);
      const t = Math.ceil(graceMs / 1000);
      await bounded("stop a service", graceMs + shortMs, signal, () =>
        container.stop({ t }).catch(undefinedOn(304, 404)),
      );
      await lasting("remove a service", signal, () => container.remove({ force: true }).catch(undefinedOn(404, 409)));
    },

    exec: (service, request, signal) =>
      bounded("run a command in a service", execMs, signal, (within) => runExec(containerOf(service), request, within)),

    async tail(service, lines, signal) {
      const info = await inspect(service, signal);
      if (info === undefined) return [];
      const raw = await bounded("read a service's output", shortMs, signal, () =>
        docker.getContainer(info.Id).logs({ stdout: true, stderr: true, tail: lines, follow: false }),
      );
      return splitLogFrames(raw).slice(-lines);
    },
  };
}

/** Names are unique per space; that of the space everybody starts in is left out. */
function containerName(home: string, service: ServiceRef): string {
  const space = service.space === "default" ? "" : `${service.space}.`;
  return `paas-${home.slice(0, 8)}-svc-${space}${service.name}`;
}

/** The id keeps a later service of the same name from ever meeting older data. */
function volumeName(home: string, service: ServiceRef): string {
  return `${containerName(home, service)}-${service.id}`;
}

function ownerLabels(home: string, service: ServiceRef): Record<string, string> {
  return { [labels.home]: home, [labels.kind]: "service", [labels.service]: service.id };
}

function createOptions(home: string, spec: ContainerSpec): Docker.ContainerCreateOptions {
  const { service, network } = spec;
  return {
    name: containerName(home, service),
    Image: spec.image,
    Hostname: service.name,
    Cmd: [...spec.args],
    Env: Object.entries(spec.env).map(([key, value]) => `${key}=${value}`),
    Labels: { ...ownerLabels(home, service), [labels.space]: service.space },
    HostConfig: { ...hostConfig(spec), Binds: [`${volumeName(home, service)}:/data`], NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: { Aliases: [spec.host] } } },
  };
}

function hostConfig(spec: ContainerSpec): Docker.HostConfig {
  const memory = spec.memoryMb * bytesPerMb;
  return {
    // Servers take the children of a process that has ended for their own; an init reaps them instead.
    Init: true,
    Memory: memory,
    MemorySwap: memory,
    ShmSize: Math.max(64 * bytesPerMb, memory / 4),
    PidsLimit: 1024,
    ReadonlyRootfs: true,
    Tmpfs: { ...spec.tmpfs },
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    // The engine brings it back, so that data is served while the daemon is away.
    RestartPolicy: { Name: "unless-stopped" },
    LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
  };
}

/** A change that is not left in the middle: the caller's signal counts before it, not during it. */
async function lasting<T>(action: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  return await bounded(action, shortMs, new AbortController().signal, call);
}

function undefinedOn(...statuses: number[]): (err: unknown) => undefined {
  return (err) => {
    if (!isStatus(err, ...statuses)) throw err;
    return undefined;
  };
}
