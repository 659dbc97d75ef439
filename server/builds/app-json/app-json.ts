import type { Manifest } from "../../core/types.ts";
import { readCron } from "./cron.ts";
import { readEnv } from "./env.ts";
import { readFormation } from "./formation.ts";
import { readHealthchecks } from "./healthchecks.ts";
import { JsonFile, type JsonValue } from "./json-text.ts";
import { readScripts } from "./scripts.ts";

export interface AppJson {
  /** Names or URLs, in order; empty when the file names none. */
  readonly buildpacks: readonly string[];
  /** Folder of the app within the repository, as written. */
  readonly root: string | undefined;
  readonly manifest: Manifest;
  /** What the file asks for and will not get, for the pusher. */
  readonly notes: readonly string[];
}

/** Heroku's and Dokku's keys that say nothing about how an app runs here. */
const descriptive = new Set([
  ...["name", "description", "keywords", "website", "repository", "logo", "success_url", "stack", "image"],
  ...["environments", "labels", "$schema", "region"],
]);

type Reader = (value: JsonValue, draft: Draft) => void;

interface Draft {
  buildpacks: readonly string[];
  root: string | undefined;
  manifest: Manifest;
  readonly notes: string[];
}

const readers: Readonly<Record<string, Reader>> = {
  buildpacks: (value, draft) => (draft.buildpacks = readBuildpacks(value)),
  root: (value, draft) => (draft.root = value.text('Write the app\'s folder: "root": "apps/web"')),
  env: (value, draft) => (draft.manifest = { ...draft.manifest, env: readEnv(value, draft.notes) }),
  formation: (value, draft) => (draft.manifest = { ...draft.manifest, formation: readFormation(value, draft.notes) }),
  scripts: (value, draft) => (draft.manifest = { ...draft.manifest, scripts: readScripts(value) }),
  healthchecks: (value, draft) =>
    (draft.manifest = { ...draft.manifest, checks: readHealthchecks(value, draft.notes) }),
  cron: (value, draft) => (draft.manifest = { ...draft.manifest, cron: readCron(value) }),
  addons: (_value, { notes }) =>
    void notes.push("app.json: addons are not made by a push; see paas marketplace and paas create-service"),
};

export const emptyManifest: Manifest = {
  env: {},
  formation: {},
  checks: {},
  scripts: { predeploy: undefined, postdeploy: undefined, firstDeploy: undefined },
  cron: [],
};

/**
 * Reads an app.json as Heroku and Dokku document it. Comments and trailing commas are allowed.
 * @throws AppError APP_JSON_INVALID naming file, line and key
 */
export function parseAppJson(text: string, file = "app.json"): AppJson {
  const draft: Draft = { buildpacks: [], root: undefined, manifest: emptyManifest, notes: [] };
  const root = new JsonFile(file, text).root();
  for (const [key, value] of root.entries('The file is an object: { "formation": … }')) {
    const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (reader) reader(value, draft);
    else if (!descriptive.has(key)) draft.notes.push(unknownKey(file, key, value.line));
  }
  return draft;
}

function unknownKey(file: string, key: string, line: number): string {
  const meant = Object.keys(readers).find((known) => loose(known) === loose(key));
  const more = meant === undefined ? "" : `; is "${meant}" meant?`;
  return `${file} line ${line}: "${key}" is no key that is known, and is passed over${more}`;
}

function loose(key: string): string {
  return key
    .toLowerCase()
    .replace(/[^a-z]/g, "")
    .replace(/s$/, "");
}

const buildpackHint = 'Write a name or {"url": "…"}: "buildpacks": [{"url": "heroku/nodejs"}]';

function readBuildpacks(value: JsonValue): readonly string[] {
  return value.items(buildpackHint).map((item) => {
    const named = item.type === "object" ? item.entries(buildpackHint).find(([key]) => key === "url")?.[1] : item;
    if (named === undefined) return item.refuse("it has no url.", buildpackHint);
    const text = named.text(buildpackHint).trim();
    return text === "" ? named.refuse("it is empty.", buildpackHint) : text;
  });
}
