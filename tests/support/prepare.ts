import { execFileSync } from "node:child_process";

/** Before the first test: the programs that tests drive as a user would must be there. Nothing is skipped for want of them. */
export function setup(): void {
  const needed = [
    ["git", ["--version"]],
    ["ssh", ["-V"]],
    ["ssh-keygen", ["-?"]],
    ["tar", ["--version"]],
  ] as const;
  const missing = needed.filter(([program, args]) => !isThere(program, args)).map(([program]) => program);
  if (missing.length > 0)
    throw new Error(`The tests need ${missing.join(", ")}. On Debian: apt-get install git openssh-client tar`);
}

function isThere(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch (err) {
    return !(err instanceof Error && "code" in err && err.code === "ENOENT");
  }
}
