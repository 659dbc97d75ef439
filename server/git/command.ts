import { AppError } from "../core/errors.ts";
import { splitWords } from "./shell-words.ts";

export type GitService = "receive-pack" | "upload-pack";

export type Command =
  | { readonly kind: "git"; readonly service: GitService; readonly appName: string }
  | { readonly kind: "verb"; readonly argv: readonly string[] };

/**
 * What an ssh client asks for: `git-receive-pack 'shop.git'`, `git receive-pack /shop`, or a verb.
 * @throws AppError COMMAND_INVALID, REPOSITORY_PATH_INVALID, LFS_UNSUPPORTED
 */
export function parseCommand(line: string): Command {
  const words = splitWords(line);
  const [first = "", ...rest] = words;
  const [program, args] = first === "git" && rest.length > 0 ? [`git-${rest[0]}`, rest.slice(1)] : [first, rest];
  if (program.startsWith("git-lfs-")) throw new AppError("LFS_UNSUPPORTED");
  const service = serviceOf(program);
  if (service === undefined) return { kind: "verb", argv: words };
  return { kind: "git", service, appName: parseRepositoryPath(args.at(-1) ?? "") };
}

/** `git-receive-pack` and `git-upload-pack`, as ssh commands and in URLs. */
export function serviceOf(program: string): GitService | undefined {
  if (program === "git-receive-pack") return "receive-pack";
  return program === "git-upload-pack" ? "upload-pack" : undefined;
}

/** The name in `shop`, `shop.git`, `/shop.git/`, `~/shop.git`. Whether it can be an app's is for others to say. */
export function parseRepositoryPath(path: string): string {
  const name = path
    .replace(/^~?\/+/, "")
    .replace(/\/+$/, "")
    .replace(/\.git$/, "");
  if (name === "" || name.includes("/")) throw new AppError("REPOSITORY_PATH_INVALID", { path });
  return name;
}
