import { mkdir, rename, writeFile } from "node:fs/promises";
import path from "node:path";

/** Pipes between the daemon and the hook, which inherits them from `git receive-pack`. */
export const hookPipes = { fromHook: 3, toPusher: 4, verdict: 5 } as const;

/** Ends what the hook tells, as `git receive-pack` holds the pipe open all along. */
export const hookEnd = "end";

/**
 * Tells the daemon where the pushed objects are kept for now, the words of `git push -o` and which refs would move, shows
 * what the daemon says, and ends as it decides. A daemon that has gone away gives no verdict, and the push is refused.
 */
const script = `#!/bin/sh
{
  printf '%s\\n%s\\n%s\\n' "$GIT_OBJECT_DIRECTORY" "$GIT_ALTERNATE_OBJECT_DIRECTORIES" "$GIT_SHALLOW_FILE"
  i=0
  while [ "$i" -lt "\${GIT_PUSH_OPTION_COUNT:-0}" ]; do
    eval "printf '%s ' \\"\\$GIT_PUSH_OPTION_$i\\""
    i=$((i + 1))
  done | tr '\\n' ' '
  echo
  cat
  echo ${hookEnd}
} >&${hookPipes.fromHook} || exit 1
cat <&${hookPipes.toPusher} >&2
read -r verdict <&${hookPipes.verdict}
[ "$verdict" = accept ]
`;

/** Writes the receive hook that all repositories share. */
export async function installHook(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  const made = path.join(dir, `pre-receive.${process.pid}`);
  await writeFile(made, script, { mode: 0o755 });
  await rename(made, path.join(dir, "pre-receive"));
}
