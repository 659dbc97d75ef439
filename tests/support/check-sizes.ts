import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { problemsOf } from "./source-rules.ts";

const list = execFileSync("git", ["ls-files", "-z", "--", "*.ts", "*.js", ":!tests/fixtures"], { encoding: "utf8" });
const problems = list
  .split("\0")
  .filter(Boolean)
  .flatMap((file) => problemsOf(file, readFileSync(file, "utf8")));

for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
