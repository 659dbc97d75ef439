import type { Readable, Writable } from "node:stream";
import type { Output } from "../core/output.ts";
import type { Actor, App } from "../core/types.ts";

export interface PushTarget {
  readonly app: App;
  /** It was made just now, by this push. */
  readonly created: boolean;
}

export interface PushedCommit {
  readonly actor: Actor;
  readonly app: App;
  /** To be stored as the deploy branch when the deploy succeeds and the app has none. */
  readonly branch: string;
  readonly commit: string;
  /**
   * Writes the commit's files into the folder, submodules included, without `.git`. Only while the deploy runs.
   * @throws AppError PUSH_STALE, CHECKOUT_FAILED, SUBMODULE_…
   */
  checkout(dir: string, signal: AbortSignal): Promise<void>;
}

/** What a push needs from the rest of the daemon. */
export interface Pushes {
  /** Finds or creates the app. @throws AppError when the actor may not push to it, or the name is no app name */
  target(actor: Actor, appName: string): PushTarget;
  /** The app whose repository is read. @throws AppError when there is none, or the actor may not */
  source(actor: Actor, appName: string): App;
  /** What becomes of a deploy of this app when the client of its push goes away. */
  onDisconnect(app: App): "cancel" | "continue";
  /** True: the ref is accepted. The signal aborts when the deploy is to end with its client. */
  deploy(push: PushedCommit, out: Output, signal: AbortSignal): Promise<boolean>;
}

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  /** Calls back with each new size. */
  onResize(listener: (columns: number, rows: number) => void): void;
}

/** Writing to a client that has gone away succeeds and does nothing. */
export interface VerbIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly tty?: Terminal;
}

/** Runs what came over ssh and is not git: `["ps", "-a", "shop"]`. Answers the exit code. */
export interface Verbs {
  run(actor: Actor, argv: readonly string[], io: VerbIo, signal: AbortSignal): Promise<number>;
}

/** Who may come in by ssh. */
export interface Identities {
  /** By fingerprint, `SHA256:…`. `publicKey` is one line as in a .pub file. */
  byFingerprint(fingerprint: string): { readonly actor: Actor; readonly publicKey: string } | undefined;
}
