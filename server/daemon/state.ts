import { accessSync, chmodSync, constants, mkdirSync } from "node:fs";
import type { Paths } from "../config/config.ts";
import { AppError, messageOf } from "../core/errors.ts";
import { newId } from "../core/ids.ts";
import { createAppSettingsStore, type AppSettingsStore } from "../store/app-settings.ts";
import { createAppStore, type AppStore } from "../store/apps.ts";
import { openDatabase, type Db } from "../store/open.ts";
import { createReleaseStore, type ReleaseStore } from "../store/releases.ts";
import {
  createRoutePolicyStore,
  createRouteShareStore,
  createTcpRouteStore,
  type RoutePolicyStore,
  type RouteShareStore,
  type TcpRouteStore,
} from "../store/route-policies.ts";
import { createRouteStore, type RouteStore } from "../store/routes.ts";
import { createSealer, partKey, type Sealer } from "../core/seal.ts";
import { loadSecretKey } from "../store/seal.ts";

/** The state file, opened, and its aggregates. */
export interface State {
  readonly db: Db;
  readonly sealer: Sealer;
  /** What the router keeps its files with: it opens nothing else of the installation. */
  readonly routerKey: Buffer;
  readonly apps: AppStore;
  readonly appSettings: AppSettingsStore;
  readonly releases: ReleaseStore;
  readonly routes: RouteStore;
  readonly routePolicies: RoutePolicyStore;
  readonly routeShares: RouteShareStore;
  readonly tcpRoutes: TcpRouteStore;
  /** Names this installation on the engine: the value of the home label. */
  readonly installId: string;
}

/** Makes the folders of a home, for its owner only. */
export function makeHome(home: string, paths: Paths): void {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    chmodSync(home, 0o700);
    for (const dir of [paths.routerDir, paths.repos, paths.work, paths.builds, paths.logs]) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
    }
    accessSync(home, constants.W_OK);
  } catch (err) {
    const code = err instanceof Error && "code" in err ? String(err.code) : messageOf(err);
    const why = reasons[code] ?? `it cannot be made a folder of this user's (${code})`;
    throw new AppError("SETTINGS_INVALID", { problems: `PAAS_HOME=${home}: ${why}` }, { cause: err });
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  EPERM: "it belongs to another user",
  EROFS: "the file system is read-only",
  EEXIST: "there is a file in its place",
  ENOTDIR: "there is a file in its place",
  ENOSPC: "the disk is full",
};

export function openState(paths: Paths, stack: Pick<AsyncDisposableStack, "use">): State {
  const { db } = stack.use(openDatabase(paths.database));
  const secretKey = loadSecretKey(paths.secretKey);
  const sealer = createSealer(secretKey);
  const apps = createAppStore(db, sealer);
  return {
    db,
    sealer,
    routerKey: partKey(secretKey, "router"),
    apps,
    appSettings: createAppSettingsStore(db),
    releases: createReleaseStore(db, sealer),
    routes: createRouteStore(db),
    routePolicies: createRoutePolicyStore(db, sealer),
    routeShares: createRouteShareStore(db),
    tcpRoutes: createTcpRouteStore(db),
    installId: apps.setting("installId", newId),
  };
}
