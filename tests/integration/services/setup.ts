import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type Docker from "dockerode";
import {
  type AppId,
  type AppName,
  defaultSpace,
  newId,
  parseAppName,
  parseServiceName,
} from "../../../server/core/ids.ts";
import { silentLog } from "../../../server/core/log.ts";
import { LineOutput } from "../../../server/core/output.ts";
import { waitFor } from "../../../server/core/time.ts";
import type { Actor, App } from "../../../server/core/types.ts";
import { connectDocker, isStatus, labels } from "../../../server/docker/client.ts";
import { runExec } from "../../../server/docker/service-exec.ts";
import { createNetworks } from "../../../server/docker/networks.ts";
import { createServiceRuntime } from "../../../server/docker/services.ts";
import type { ServiceRuntime, Stack } from "../../../server/services/ports.ts";
import { createServices, type Services } from "../../../server/services/services.ts";
import { createAppStore } from "../../../server/store/apps.ts";
import { openDatabase } from "../../../server/store/open.ts";
import { createSealer } from "../../../server/core/seal.ts";
import { createServiceStore } from "../../../server/store/services.ts";

export const actor: Actor = { kind: "owner", name: "owner" };
export const db = parseServiceName("db");
export const cache = parseServiceName("cache");

export interface Redeployed {
  readonly app: AppName;
  readonly description: string;
}

/** Services of an installation of its own, on a real engine and a real database file. */
export async function startServices() {
  const docker = connectDocker();
  const home = newId();
  const dir = mkdtempSync(path.join(tmpdir(), "services-"));
  const database = openDatabase(path.join(dir, "paas.db"));
  const sealer = createSealer(Buffer.alloc(32, 7));
  const apps = createAppStore(database.db, sealer);
  const store = createServiceStore(database.db, sealer);
  const networks = createNetworks(docker, home);
  const stack = await findStack(docker);
  const signal = AbortSignal.timeout(280_000);
  // Installations that start in the same moment may choose the same subnet: the later one chooses again.
  await waitFor(() => networks.of(defaultSpace, signal).catch(() => false as const), { every: 50, signal });
  const runtime = createServiceRuntime(docker, home);
  const redeployed: Redeployed[] = [];
  const lines: string[] = [];
  const state = { refuse: false, duringRedeploy: async (): Promise<void> => {} };

  /** As a daemon that has just started on the same home. */
  const boot = (over: Partial<ServiceRuntime> = {}): Services =>
    createServices({
      store,
      apps,
      runtime: { ...runtime, ...over },
      networkOf: (space, within) => networks.of(space, within),
      stack: () => Promise.resolve(stack),
      redeploy: async (_actor, app, description) => {
        redeployed.push({ app: app.name, description });
        await state.duringRedeploy();
        if (state.refuse) throw new Error("the release did not come up");
      },
      clock: Date.now,
      log: silentLog,
    });

  const addApp = (name: string): App => {
    const id = newId() as AppId;
    const app = {
      id,
      name: parseAppName(name),
      space: defaultSpace,
      deployBranch: undefined,
      stopped: false,
      createdAt: 1,
    };
    apps.insert(app);
    return app;
  };

  return {
    docker,
    home,
    dir,
    store,
    apps,
    runtime,
    services: boot(),
    boot,
    addApp,
    redeployed,
    state,
    lines,
    out: new LineOutput((line) => lines.push(line)),
    signal,
    network: () => networks.of(defaultSpace, signal),
    client: async () => startClient(docker, home, stack.runImage, await networks.of(defaultSpace, signal), signal),
    async [Symbol.asyncDispose]() {
      await removeAll(docker, home);
      database[Symbol.dispose]();
      rmSync(dir, { recursive: true });
    },
  };
}

export type Setup = Awaited<ReturnType<typeof startServices>>;

async function findStack(docker: Docker): Promise<Stack> {
  const images = await docker.listImages({ filters: { reference: ["paas/stack-run"] } });
  const runImage = images.flatMap((image) => image.RepoTags ?? [])[0];
  if (runImage === undefined)
    throw new Error('There is no stack image on this engine; make it with "paas doctor --fix".');
  return { runImage, id: runImage.replace(/.*-/, "") };
}

/** A container in the apps' network that runs the clients of the stack's run image. */
async function startClient(docker: Docker, home: string, image: string, network: string, signal: AbortSignal) {
  const container = await docker.createContainer({
    Image: image,
    Cmd: ["sleep", "infinity"],
    Labels: { [labels.home]: home, [labels.kind]: "task" },
    HostConfig: { NetworkMode: network, Init: true },
  });
  await container.start();
  const run = (argv: readonly string[], stdin = "") => runExec(container, { argv, stdin }, signal);
  return {
    run,
    psql: (uri: string, sql: string) => run(["psql", uri, "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1"], sql),
    redis: (uri: string, ...commands: string[]) => run(["redis-cli", "-u", uri], `${commands.join("\n")}\n`),
  };
}

async function removeAll(docker: Docker, home: string): Promise<void> {
  const filters = { label: [`${labels.home}=${home}`] };
  for (const { Id } of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(Id).remove({ force: true, v: true }).catch(gone);
  }
  const { Volumes } = await docker.listVolumes({ filters });
  for (const { Name } of Volumes) await docker.getVolume(Name).remove().catch(gone);
  for (const { Id } of await docker.listNetworks({ filters })) await docker.getNetwork(Id).remove().catch(gone);
}

function gone(err: unknown): void {
  if (!isStatus(err, 404, 409)) throw err;
}
