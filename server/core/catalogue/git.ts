import type { ErrorSpec } from "../errors.ts";

export const gitErrors = {
  PUSH_STALE: {
    status: 409,
    message: (f) =>
      `"${f.branch}" moved to ${f.commit} while this push waited, and this push does not contain that commit.`,
    hint: () => "Nothing was deployed by this push. Fetch, merge, and push again: git pull --rebase paas",
  },
  DEPLOY_BRANCH_SET: {
    status: 409,
    message: (f) => `Another push made "${f.deployBranch}" the deploy branch while this one waited.`,
    hint: (f) =>
      `Nothing was deployed by this push. To deploy ${f.branch}: git push paas ${f.branch}:${f.deployBranch}`,
  },
  CHECKOUT_FAILED: {
    status: 422,
    message: (f) => `The files of commit ${f.commit} could not be written: ${f.cause}`,
    hint: () => "Correct the commit and push again; nothing was changed.",
  },
  SUBMODULE_UNKNOWN: {
    status: 422,
    message: (f) => `The commit has a submodule at ${f.path}, but .gitmodules has no entry for it.`,
    hint: (f) =>
      `Add it with git submodule add URL ${f.path}, or take it out with git rm --cached ${f.path}. Then commit and push again.`,
  },
  SUBMODULE_URL: {
    status: 422,
    message: (f) => `The submodule at ${f.path} has a URL that this server cannot fetch: ${f.url}`,
    hint: (f) =>
      `Use an absolute https:// or ssh:// URL: git submodule set-url ${f.path} URL. Then commit and push again.`,
  },
  SUBMODULE_FAILED: {
    status: 422,
    message: (f) => `The submodule at ${f.path} could not be fetched from ${f.url}: ${f.cause}`,
    hint: (f) =>
      `Check that this server may read that URL and that commit ${f.commit} was pushed there, then push again.`,
  },
  SUBMODULE_TOO_DEEP: {
    status: 422,
    message: (f) => `Submodules are nested deeper than ${f.limit} levels at ${f.path}.`,
    hint: () => "A submodule that contains itself cannot be checked out; take it out, commit and push again.",
  },
  COMMAND_INVALID: {
    status: 422,
    message: (f) => `The command cannot be read: ${f.reason}.`,
    hint: () => "Quote as in a shell, for example: ssh -p 2222 paas@host run -a shop 'echo hi'",
  },
  REPOSITORY_PATH_INVALID: {
    status: 404,
    message: (f) => `There is no repository at "${f.path}".`,
    hint: () => "The repository of an app is its name and .git: shop.git",
  },
  LFS_UNSUPPORTED: {
    status: 422,
    message: () => "Git LFS is not supported.",
    hint: () => "Commit the files themselves, or fetch them while the app is built.",
  },
  REMOTE_SOURCE_FAILED: {
    status: 422,
    message: (f) => `The repository ${f.url} could not be fetched: ${f.cause}.`,
    hint: () => "Check the address, and that this machine may read it; a private one needs a token in the URL or ssh.",
  },
  REMOTE_REF_UNKNOWN: {
    status: 422,
    message: (f) => `${f.url} has no ${f.ref === undefined ? "branch yet" : `branch, tag or commit "${f.ref}"`}.`,
    hint: () => "Write one that it has after the #, or nothing for its default branch.",
  },
} as const satisfies Record<string, ErrorSpec>;
