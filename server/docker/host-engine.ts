import type Docker from "dockerode";
import { messageOf } from "../core/errors.ts";
import type { EngineState } from "../host/engine-plan.ts";
import type { HostEngine } from "../host/real-deps.ts";
import { bounded } from "./bounded.ts";
import { stackImages } from "./stack-images.ts";

const probeTimeoutMs = 5_000;

/** The engine as the preflight sees it. */
export function hostEngine(docker: Docker): HostEngine {
  return { images: stackImages(docker), probe: () => probe(docker) };
}

interface Info {
  readonly Driver: string;
  readonly DockerRootDir: string;
}

async function probe(docker: Docker): Promise<EngineState> {
  const address = process.env["DOCKER_HOST"] || "/var/run/docker.sock";
  try {
    const ask = () => Promise.all([docker.version(), docker.info() as Promise<Info>]);
    const [version, info] = await bounded("answer", probeTimeoutMs, new AbortController().signal, ask);
    return {
      kind: "up",
      version: version.Version,
      apiVersion: version.ApiVersion,
      storageDriver: info.Driver,
      dataDir: info.DockerRootDir,
      isLocal: !/^(tcp|https?|ssh):/.test(address),
    };
  } catch (err) {
    const cause = rootOf(err);
    if (codeOf(cause) === "EACCES") return { kind: "denied", address };
    return { kind: "absent", address, cause: codeOf(cause) ?? messageOf(cause) };
  }
}

function rootOf(err: unknown): unknown {
  return err instanceof Error && err.cause !== undefined ? rootOf(err.cause) : err;
}

function codeOf(err: unknown): string | undefined {
  return err instanceof Error && "code" in err && typeof err.code === "string" ? err.code : undefined;
}
