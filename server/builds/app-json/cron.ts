import { CronPattern } from "croner";
import type { ManifestCron } from "../../core/types.ts";
import type { JsonValue } from "./json-text.ts";

const hint = 'Write: "cron": [{"command": "node job.js", "schedule": "*/10 * * * *"}]';
/** The last two are Dokku's and change nothing here. */
const known = new Set(["command", "schedule", "maintenance", "concurrency_policy"]);

/** Jobs of app.json. They are checked and kept; nothing runs them yet. */
export function readCron(value: JsonValue): readonly ManifestCron[] {
  return value.items(hint).map((item) => {
    const fields = new Map(item.entries(hint));
    const strange = [...fields].find(([key]) => !known.has(key));
    if (strange) strange[1].refuse("it is no key of a job.", hint);
    const command = fields.get("command")?.text(hint).trim() ?? item.refuse("it has no command.", hint);
    if (command === "") item.refuse("its command is empty.", hint);
    const at = fields.get("schedule") ?? item.refuse("it has no schedule.", hint);
    return { command, schedule: readSchedule(at) };
  });
}

function readSchedule(at: JsonValue): string {
  const schedule = at.text(hint).trim();
  if (!schedule.startsWith("@") && schedule.split(/\s+/).length !== 5) {
    at.refuse(`"${schedule}" does not have five fields.`, "Minute, hour, day, month, day of the week: 0 4 * * 1");
  }
  try {
    void new CronPattern(schedule);
  } catch {
    at.refuse(`"${schedule}" is no schedule.`, "Minute, hour, day, month, day of the week: 0 4 * * 1");
  }
  return schedule;
}
