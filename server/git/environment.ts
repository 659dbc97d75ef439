/** What git may see of the daemon's environment: how to reach the network, and nothing of its settings or secrets. */
const passed = /^(PATH|HOME|TMPDIR|((https?|all|no)_proxy)|SSL_CERT_(FILE|DIR)|GIT_SSL_CA(INFO|PATH))$/i;

export type GitEnvironment = Readonly<Record<string, string>>;

/** The environment of every git that the daemon starts. No user's configuration, no questions asked on a terminal. */
export function gitEnvironment(env: NodeJS.ProcessEnv, more: GitEnvironment = {}): GitEnvironment {
  const kept = Object.entries(env).filter((e): e is [string, string] => passed.test(e[0]) && e[1] !== undefined);
  return {
    ...Object.fromEntries(kept),
    LC_ALL: "C.UTF-8",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "true",
    GIT_CONFIG_GLOBAL: "/dev/null",
    ...more,
  };
}

const maxPackBytes = 1024 ** 3;

/**
 * Settings of the repositories, given with each call: nothing is written into them that a new version would have to
 * change. Housekeeping never runs inside a push. Old commits with the three harmless flaws that big projects have in
 * their history are let in.
 */
export const repositoryConfig: readonly string[] = [
  "gc.auto=0",
  "receive.autogc=false",
  "receive.keepAlive=5",
  "receive.denyDeleteCurrent=ignore",
  "receive.shallowUpdate=true",
  "receive.advertisePushOptions=true",
  `receive.maxInputSize=${maxPackBytes}`,
  "transfer.fsckObjects=true",
  "receive.fsck.badTimezone=ignore",
  "receive.fsck.missingSpaceBeforeDate=ignore",
  "receive.fsck.zeroPaddedFilemode=ignore",
  "core.logAllRefUpdates=true",
];

export function configArguments(config: readonly string[]): readonly string[] {
  return config.flatMap((setting) => ["-c", setting]);
}
