import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { problemsOf } from "./source-rules.ts";

// Those not yet added count too: a problem is best seen before the commit.
const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.ts", "*.js", ":!tests/fixtures"];
const files = new Set(execFileSync("git", args, { encoding: "utf8" }).split("\0"));
const problems = [...files]
  .filter((file) => file !== "" && existsSync(file))
  .flatMap((file) => problemsOf(file, readFileSync(file, "utf8")));

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
