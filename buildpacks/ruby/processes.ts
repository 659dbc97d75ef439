import type { SourceView } from "../../server/builds/plan.ts";
import { parseProcessType, web } from "../../server/core/ids.ts";
import type { ProcessCommand } from "../../server/core/types.ts";
import { readIfSmall, type Refusal, refuse } from "../reading.ts";

/** Rails, Rack or a program that starts Sinatra itself; a worker where a gem has a well-known one. */
export function defaultProcesses(
  source: SourceView,
  gems: ReadonlySet<string>,
  isRails: boolean,
): readonly ProcessCommand[] | Refusal {
  const command = webCommand(source, gems, isRails);
  if (command !== undefined) return [{ type: web, command }, ...worker(gems)];
  if (source.has("config.ru")) {
    return refuse(
      "There is a config.ru, but no server for it among the gems: neither puma nor rackup.",
      "Run bundle add puma, commit Gemfile and Gemfile.lock and push again.",
    );
  }
  return refuse(
    "Nothing says how to start the app: there is no config.ru, no Rails, no Sinatra program and no Procfile.",
    "Commit config.ru, or a Procfile with a line like: web: bundle exec ruby app.rb",
  );
}

function webCommand(source: SourceView, gems: ReadonlySet<string>, isRails: boolean): string | undefined {
  if (gems.has("puma") && (isRails || source.has("config.ru"))) {
    return source.has("config/puma.rb") ? "bundle exec puma -C config/puma.rb" : "bundle exec puma -p $PORT";
  }
  if (isRails) return "bundle exec rails server -b 0.0.0.0 -p $PORT";
  if (source.has("config.ru")) {
    const hasRackup = gems.has("rackup") || gems.has("thin") || gems.has("falcon");
    return hasRackup ? "bundle exec rackup config.ru -o 0.0.0.0 -p $PORT" : undefined;
  }
  const program = ["app.rb", "main.rb", "server.rb"].find((file) =>
    /^\s*require ["']sinatra["']/m.test(readIfSmall(source, file) ?? ""),
  );
  return program === undefined ? undefined : `bundle exec ruby ${program} -o 0.0.0.0 -p $PORT`;
}

function worker(gems: ReadonlySet<string>): readonly ProcessCommand[] {
  const type = parseProcessType("worker");
  if (gems.has("sidekiq")) return [{ type, command: "bundle exec sidekiq" }];
  if (gems.has("solid_queue")) return [{ type, command: "bundle exec rake solid_queue:start" }];
  if (gems.has("delayed_job")) return [{ type, command: "bundle exec rake jobs:work" }];
  return [];
}
