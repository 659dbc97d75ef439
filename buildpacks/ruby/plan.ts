import type { Available, Buildpack, PlanLayer, PlanResult, SourceView } from "../../server/builds/plan.ts";
import { isRefusal, namesVariables, readIfSmall, refuse } from "../reading.ts";
import { assetsStep } from "./assets.ts";
import { installFiles, type Lockfile, parseLockfile } from "./gemfile.ts";
import { systemPackages } from "./libraries.ts";
import { defaultProcesses } from "./processes.ts";
import { patchLevelLayer } from "./patch-level.ts";
import { checkRuby } from "./versions.ts";

export const ruby: Buildpack = {
  name: "ruby",
  looksFor: ["Gemfile"],
  detect: (source) => source.has("Gemfile"),
  plan: planRuby,
};

const bundle = "/app/vendor/bundle";
const bundleEnv = {
  BUNDLE_DEPLOYMENT: "1",
  BUNDLE_PATH: bundle,
  BUNDLE_WITHOUT: "development:test",
  // The lockfile may name another Bundler: without this one would be fetched at every start.
  BUNDLE_VERSION: "system",
} as const;
const runEnv = {
  ...bundleEnv,
  RACK_ENV: "production",
  MALLOC_ARENA_MAX: "2",
  // Longer than the router keeps a connection open.
  PUMA_PERSISTENT_TIMEOUT: "95",
} as const;
const railsEnv = {
  RAILS_ENV: "production",
  RAILS_LOG_TO_STDOUT: "enabled",
  RAILS_SERVE_STATIC_FILES: "enabled",
} as const;

function planRuby(source: SourceView, available: Available): PlanResult {
  const text = readIfSmall(source, "Gemfile.lock");
  if (text === undefined) {
    return refuse("There is no Gemfile.lock.", "Run bundle install, commit Gemfile.lock and push again.");
  }
  const version = checkRuby(source, available.ruby);
  if (isRefusal(version)) return version;
  const lock = parseLockfile(text);
  const isRails = lock.gems.has("railties");
  const processes = source.has("Procfile") ? [] : defaultProcesses(source, lock.gems, isRails);
  if (isRefusal(processes)) return processes;
  const env = { ...runEnv, ...(isRails ? railsEnv : {}) };
  return {
    ok: true,
    plan: {
      buildpack: "ruby",
      runtime: `ruby ${available.ruby}`,
      system: systemPackages(lock.gems),
      layers: [...(version.isPinned ? [patchLevelLayer] : []), dependencyLayer(source, lock)],
      build: isRails && !hasAssets(source) ? assetsStep(env, lock.gems) : undefined,
      env,
      ...(isRails && !hasCredentials(source) && { secrets: ["SECRET_KEY_BASE"] }),
      path: [],
      processes,
      notes: [...version.notes, ...railsNotes(source, isRails)],
    },
  };
}

function dependencyLayer(source: SourceView, lock: Lockfile): PlanLayer {
  const isVendored = source.has("vendor/cache");
  const files = installFiles(source, lock);
  return {
    name: "dependencies",
    title: "Installing gems (bundle install)",
    files,
    commands: [
      {
        argv: ["bundle", "install", ...(isVendored ? ["--local"] : [])],
        user: "app",
        env: {
          ...bundleEnv,
          CI: "true",
          BUNDLE_GLOBAL_GEM_CACHE: "true",
          BUNDLE_USER_CACHE: "/cache/bundle",
          BUNDLE_RETRY: "3",
          BUNDLE_SILENCE_ROOT_WARNING: "1",
        },
        // Bundler takes the passwords of private indexes from variables: BUNDLE_GEMS__EXAMPLE__COM.
        withConfig:
          !lock.isPublic ||
          namesVariables(
            source,
            files.filter((file) => file.endsWith(".gemspec")),
          ),
        hint: "Run bundle install in a fresh clone and commit Gemfile.lock; for another platform first: bundle lock --add-platform x86_64-linux",
      },
    ],
    launch: true,
    keep: [bundle],
  };
}

function hasAssets(source: SourceView): boolean {
  const made = [...source.list("public/assets"), ...source.list("public/assets/.sprockets")];
  return made.some((name) => /^(\.?sprockets-)?\.?manifest.*\.json$/.test(name));
}

/** SECRET_KEY_BASE is among them. */
function hasCredentials(source: SourceView): boolean {
  return ["config/credentials.yml.enc", "config/credentials/production.yml.enc"].some((f) => source.has(f));
}

function railsNotes(source: SourceView, isRails: boolean): readonly string[] {
  if (!isRails || !hasCredentials(source)) return [];
  return ["Rails reads its secrets with RAILS_MASTER_KEY: paas config:set RAILS_MASTER_KEY=…, if not done yet"];
}
