import { readFile } from "node:fs/promises";
import path from "node:path";
import { defaultSpace, type AppId, type AppName } from "../../../server/core/ids.ts";
import { silentLog } from "../../../server/core/log.ts";
import type { App } from "../../../server/core/types.ts";
import { Landings } from "../../../server/git/landings.ts";
import { Repositories } from "../../../server/git/repositories.ts";
import { startSshServer } from "../../../server/git/ssh-server.ts";

const [home = "", keyFile = "", behaviour = ""] = process.argv.slice(2);
const app: App = {
  id: "shopshopshop" as AppId,
  name: "shop" as AppName,
  space: defaultSpace,
  deployBranch: undefined,
  stopped: false,
  createdAt: 0,
};
const publicKey = (await readFile(keyFile, "utf8")).trim();
const repositories = new Repositories({ dir: path.join(home, "repos"), env: process.env });
await repositories.sweep(new Set([app.id]));
const server = await startSshServer(
  {
    pushes: {
      target: () => ({ app, created: false }),
      source: () => app,
      onDisconnect: () => "cancel",
      deploy: async () => {
        if (behaviour === "die") process.kill(process.pid, "SIGKILL");
        return true;
      },
    },
    verbs: { run: async () => 0 },
    identities: { byFingerprint: () => ({ actor: { kind: "user", name: "ann" }, publicKey }) },
    repositories,
    landings: new Landings(),
    log: silentLog,
  },
  { listen: "127.0.0.1", port: 0, hostKeyFile: path.join(home, "host_key") },
);
process.stdout.write(`${server.port}\n`);
