import type { PlanStep } from "../../server/builds/plan.ts";

// The cache of Sprockets is the app's, and no part of the droplet.
const precompile = `set -eu
# An app that cannot be loaded has no tasks either: that is a failure of its own.
bundle exec rake --prereqs >/tmp/rake-tasks
if ! grep -q '^rake assets:precompile$' /tmp/rake-tasks; then
  echo "There is no task assets:precompile."
  exit 0
fi
mkdir -p /cache/rails-assets tmp/cache
rm -rf tmp/cache/assets
ln -s /cache/rails-assets tmp/cache/assets
bundle exec rake assets:precompile
rm tmp/cache/assets`;

/** Rails loads the app to make its assets: what it then only has to have, and never uses, is made up. */
export function assetsStep(env: Readonly<Record<string, string>>, gems: ReadonlySet<string>): PlanStep {
  return {
    title: "Making assets (rake assets:precompile)",
    files: [],
    commands: [
      {
        argv: ["bash", "-c", precompile],
        name: "rake assets:precompile",
        user: "app",
        env: {
          ...env,
          SECRET_KEY_BASE: "only-while-assets-are-made",
          SECRET_KEY_BASE_DUMMY: "1",
          DATABASE_URL: database(gems),
        },
        withConfig: true,
        hint: "Run RAILS_ENV=production bundle exec rake assets:precompile yourself to see the same, correct it and push again.",
      },
    ],
  };
}

function database(gems: ReadonlySet<string>): string {
  if (gems.has("mysql2")) return "mysql2://user:pass@127.0.0.1/none";
  if (gems.has("trilogy")) return "trilogy://user:pass@127.0.0.1/none";
  return gems.has("pg") ? "postgresql://user:pass@127.0.0.1/none" : "sqlite3::memory:";
}
