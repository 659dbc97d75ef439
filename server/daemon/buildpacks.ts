import path from "node:path";
import { buildpacks } from "../../buildpacks/index.ts";
import type { BuildpacksPort } from "../api/platform.ts";
import type { ExternalBuildpacks } from "../builds/builder.ts";
import { AppBuildpacks } from "../builds/buildpack-api/app-list.ts";
import { downloadArchive } from "../builds/buildpack-api/download.ts";
import { download } from "../builds/source/download.ts";
import type { AppId, AppName } from "../core/ids.ts";
import type { Actor, App } from "../core/types.ts";
import type { RemoteSources } from "../git/remote-source.ts";
import { trustSystem } from "./registry.ts";
import type { State } from "./state.ts";

export function createAppBuildpacks(state: Pick<State, "appSettings">): AppBuildpacks {
  return new AppBuildpacks(state.appSettings, [...new Set(buildpacks.map((b) => b.name)), "apt"]);
}

/** Where downloaded buildpacks are. */
export const archivesDir = (home: string): string => path.join(home, "cache", "buildpacks");

/** Buildpacks of other people for the builder. */
export function createExternalBuildpacks(
  home: string,
  sources: RemoteSources,
  allowedHosts: ReadonlySet<string>,
  own: AppBuildpacks,
): ExternalBuildpacks {
  const fetch = (url: string, signal: AbortSignal) => {
    trustSystem();
    return download(url, allowedHosts, signal);
  };
  const options = { dir: archivesDir(home), fetch };
  return {
    list: (appId) => own.list(appId),
    pins: own.pins,
    fetcher: {
      resolveGit: (url, ref, signal) => sources.resolve(url, ref, signal),
      writeGit: (url, commit, dir, signal) => sources.write(url, commit, dir, signal),
      download: (url, digest, signal) => downloadArchive(options, url, digest, signal),
    },
  };
}

export interface BuildpacksPortDeps {
  readonly own: AppBuildpacks;
  readonly find: (name: AppName) => App;
  readonly say: (appId: AppId, process: string, text: string) => void;
}

export function createBuildpacksPort({ own, find, say }: BuildpacksPortDeps): BuildpacksPort {
  const view = (id: AppId) => ({ buildpacks: own.show(id), pins: own.pinned(id) });
  const changed = (actor: Actor, name: AppName, change: (id: AppId) => void) => {
    const { id } = find(name);
    change(id);
    const list = own.show(id).map((one) => one.buildpack);
    say(id, "api", `Buildpacks set by ${actor.name}: ${list.length === 0 ? "none" : list.join(", ")}`);
    return view(id);
  };
  return {
    show: (name) => view(find(name).id),
    add: (actor, name, text, index) => changed(actor, name, (id) => own.add(id, text, index)),
    set: (actor, name, text, index) => changed(actor, name, (id) => own.set(id, text, index)),
    remove: (actor, name, entry) => changed(actor, name, (id) => own.remove(id, entry)),
    clear: (actor, name) => changed(actor, name, (id) => own.clear(id)),
    update: (_actor, name, buildpack) => ({ updated: own.update(find(name).id, buildpack) }),
  };
}
