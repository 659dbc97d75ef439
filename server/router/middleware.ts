import type { Duplex } from "node:stream";
import type { FailureCode } from "./failures.ts";

/**
 * What a route may do to requests and answers beside forwarding them. The data path knows these types only; `policy/`
 * compiles them from a route's settings. A route without any costs nothing.
 */

export interface RequestHead {
  readonly method: string;
  /** Path and query as sent: `/a?b=1`. */
  readonly target: string;
  /** Lower case, without the port. */
  readonly host: string;
  readonly protocol: "http" | "https";
  /** Of the client, after trusted proxies. */
  readonly clientAddress: string;
  readonly requestId: string;
  /** Lower-case name → all its lines joined by `, ` (RFC 9110 5.3); undefined when there is none. */
  header(name: string): string | undefined;
}

export type Field = readonly [name: string, value: string];

/** First fields are removed, then set (all of the same name are replaced), then added. Names in any case. */
export interface HeadEdit {
  /** Of a request: path and query for the instance. */
  readonly target?: string;
  readonly set?: readonly Field[];
  readonly add?: readonly Field[];
  readonly remove?: readonly string[];
}

export interface AnswerHead {
  readonly status: number;
  header(name: string): string | undefined;
  /** What the client would get, without the fields of one connection and those of framing but Content-Length. */
  fields(): readonly Field[];
}

export interface AnswerEdit extends HeadEdit {
  readonly status?: number;
  /**
   * Takes the body of the instance, without chunk framing, and gives what the client reads; its length is then unknown.
   * Sees its end only when the answer was whole, and is destroyed when it was cut.
   */
  readonly body?: () => Duplex;
  /** The body only passes through: its length stays what it was. */
  readonly keepsLength?: boolean;
  /** Goes out instead of the instance's answer, which is thrown away. */
  readonly replace?: OwnAnswer;
}

export type AnswerHook = (answer: AnswerHead) => AnswerEdit | undefined;

export interface OwnAnswer {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: Buffer | string;
  /** For the request log. */
  readonly code?: FailureCode;
}

export type Verdict =
  /** `onEnd` comes once, however the exchange ends. */
  | { readonly kind: "pass"; readonly edit?: HeadEdit; readonly onAnswer?: AnswerHook; readonly onEnd?: () => void }
  | { readonly kind: "answer"; readonly answer: OwnAnswer };

/** Asked in order for each request; the first own answer ends it. Hooks on the answer run in reverse order. */
export interface Middleware {
  readonly name: string;
  request(head: RequestHead): Verdict | Promise<Verdict>;
  /** Edits the head of an answer that a later middleware gave instead of an instance. */
  onOwnAnswer?(answer: AnswerHead): HeadEdit | undefined;
}
