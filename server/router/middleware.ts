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

/** Fields of the same name are replaced. */
export interface HeadEdit {
  readonly target?: string;
  readonly set?: readonly Field[];
  readonly remove?: readonly string[];
}

export interface AnswerHead {
  readonly status: number;
  header(name: string): string | undefined;
}

export interface AnswerEdit extends HeadEdit {
  readonly status?: number;
  /** Takes the body of the instance and gives what the client reads; its length is then unknown. */
  readonly body?: () => NodeJS.ReadWriteStream;
}

export type AnswerHook = (answer: AnswerHead) => AnswerEdit | undefined;

export interface OwnAnswer {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: Buffer | string;
  /** For the request log: `H80`, or a word such as `rate-limited`. */
  readonly code?: string;
}

export type Verdict =
  | { readonly kind: "pass"; readonly edit?: HeadEdit; readonly onAnswer?: AnswerHook; readonly onEnd?: () => void }
  | { readonly kind: "answer"; readonly answer: OwnAnswer };

/** Asked in order for each request; the first own answer ends it. Hooks on the answer run in reverse order. */
export interface Middleware {
  readonly name: string;
  request(head: RequestHead): Verdict | Promise<Verdict>;
}
