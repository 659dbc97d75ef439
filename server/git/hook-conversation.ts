import { StringDecoder } from "node:string_decoder";
import type { Duplex } from "node:stream";
import { LineOutput } from "../core/output.ts";
import type { GitEnvironment } from "./environment.ts";
import { hookEnd, hookPipes } from "./hook.ts";
import type { GitChild } from "./spawn-git.ts";
import { parseUpdates, type RefUpdate } from "./updates.ts";

/** What the hook tells when a push has arrived. */
export interface Arrival {
  readonly updates: readonly RefUpdate[];
  /** Where the pushed objects are: they are no part of the repository before the verdict. */
  readonly objects: GitEnvironment;
  /** Words of `git push -o`. */
  readonly options: readonly string[];
}

/** The daemon's side of the pipes to the hook. */
export class HookConversation {
  readonly out: LineOutput;
  readonly #git: GitChild;

  constructor(git: GitChild) {
    this.#git = git;
    this.out = new LineOutput((line) => this.#toPusher.write(`${line}\n`));
  }

  /** Undefined when git ends without having called the hook, as for a push of nothing. */
  async arrival(): Promise<Arrival | undefined> {
    const lines = await readUntilEnd(this.#git.pipe(hookPipes.fromHook));
    if (lines === undefined) return undefined;
    const [directory = "", alternates = "", shallow = "", options = "", ...updates] = lines;
    const objects = {
      ...(directory === "" ? {} : { GIT_OBJECT_DIRECTORY: directory }),
      ...(alternates === "" ? {} : { GIT_ALTERNATE_OBJECT_DIRECTORIES: alternates }),
      ...(shallow === "" ? {} : { GIT_SHALLOW_FILE: shallow }),
    };
    return { updates: parseUpdates(updates), objects, options: options.split(" ").filter((word) => word !== "") };
  }

  /** Ends the conversation. What was said before is shown before the push ends. */
  verdict(accepted: boolean): void {
    this.out.flush();
    this.#toPusher.end();
    this.#git.pipe(hookPipes.verdict).end(accepted ? "accept\n" : "refuse\n");
  }

  get #toPusher(): Duplex {
    return this.#git.pipe(hookPipes.toPusher);
  }
}

/** Names are bytes to git; what is no UTF-8 shows as U+FFFD. */
async function readUntilEnd(pipe: Duplex): Promise<readonly string[] | undefined> {
  const decoder = new StringDecoder("utf8");
  let told = "";
  for await (const chunk of pipe) {
    told += decoder.write(chunk as Buffer);
    if (told.endsWith(`\n${hookEnd}\n`)) return told.split("\n").slice(0, -2);
  }
  return undefined;
}
