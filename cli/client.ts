import type { IncomingMessage } from "node:http";
import type { ExtractSchema } from "hono/types";
import type { JSONParsed } from "hono/utils/types";
import type { ApiType } from "../server/api/api.ts";
import type { Job } from "../server/api/ndjson.ts";
import type { WireError } from "../server/core/records.ts";
import type { LogLine } from "../server/core/types.ts";
import type { Connection } from "./connection.ts";
import { CliError, exitCodeOf } from "./failure.ts";
import { problemMark } from "./output/mark.ts";
import { readRecords } from "./records.ts";
import { send } from "./transport.ts";

type Schema = ExtractSchema<ApiType>;
type Method = "get" | "post" | "put" | "patch" | "delete";
type PathWith<M extends Method> = {
  [P in keyof Schema]: `$${M}` extends keyof Schema[P] ? P : never;
}[keyof Schema];
type Endpoint<M extends Method, P extends PathWith<M>> = Schema[P][`$${M}` & keyof Schema[P]];
type InputOf<E> = E extends { input: infer I } ? I : never;
type OutputOf<E> = E extends { output: infer O } ? O : never;
type JobOutput<O> = O extends Job<infer T> ? T : never;

/** A value of the server's as it arrives through JSON. */
export type Shown<T> = JSONParsed<T>;

interface AnyInput {
  readonly param?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly json?: unknown;
}

/** The API, typed by its own routes. Only types come from the server. */
export class Client {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** @throws CliError with the server's line and hint */
  async call<const M extends Method, P extends PathWith<M>>(
    method: M,
    path: P,
    input: InputOf<Endpoint<M, P>>,
  ): Promise<OutputOf<Endpoint<M, P>>> {
    const response = await this.#send(method, path, input as AnyInput);
    return JSON.parse(await textOf(response)) as OutputOf<Endpoint<M, P>>;
  }

  /** A long verb: hands over what it reports, line by line, and answers its outcome. */
  async job<const M extends Method, P extends PathWith<M>>(
    method: M,
    path: P,
    input: InputOf<Endpoint<M, P>>,
    onLine: (text: string) => void,
  ): Promise<JobOutput<OutputOf<Endpoint<M, P>>>> {
    const response = await this.#send(method, path, input as AnyInput);
    return (await this.#follow(response, onLine)) as JobOutput<OutputOf<Endpoint<M, P>>>;
  }

  /** A long verb whose body is a stream, not JSON. */
  async upload<const P extends PathWith<"post">>(
    path: P,
    input: Pick<AnyInput, "param" | "query">,
    body: AsyncIterable<Uint8Array>,
    onLine: (text: string) => void,
  ): Promise<JobOutput<OutputOf<Endpoint<"post", P>>>> {
    const response = await send(this.connection, { method: "post", path: fillPath(path, input), body });
    if ((response.statusCode ?? 500) >= 400) throw await refusalOf(response);
    return (await this.#follow(response, onLine)) as JobOutput<OutputOf<Endpoint<"post", P>>>;
  }

  /** Log lines, as long as there are some. */
  async logs(
    app: string,
    query: Readonly<Record<string, string | undefined>>,
    onLine: (line: LogLine) => Promise<void>,
  ): Promise<void> {
    const response = await this.#send("get", "/v1/apps/:app/logs", { param: { app }, query });
    await readRecords(response, async (record) => {
      if (record.type === "log") await onLine(record.line);
    });
  }

  async #follow(response: IncomingMessage, onLine: (text: string) => void): Promise<unknown> {
    const told = new Set<string>();
    return await readRecords(response, (record) => {
      if (record.type !== "line") return;
      told.add(record.text);
      onLine(record.text);
    }).catch((err: unknown) => {
      throw err instanceof CliError && told.has(`${problemMark}${err.message}`) ? asTold(err) : err;
    });
  }

  async #send(method: Method, path: string, input: AnyInput): Promise<IncomingMessage> {
    const response = await send(this.connection, { method, path: fillPath(path, input), json: input.json });
    if ((response.statusCode ?? 500) < 400) return response;
    throw await refusalOf(response);
  }
}

/** Reads the error that a response carries. */
export async function refusalOf(response: IncomingMessage): Promise<CliError> {
  const status = response.statusCode ?? 500;
  const body = await textOf(response);
  try {
    const { error } = JSON.parse(body) as { readonly error: WireError };
    return new CliError(error.message, error.hint, exitCodeOf(status));
  } catch {
    return new CliError(
      `What answers is not the daemon (HTTP ${status}).`,
      "Check the address: paas login URL",
      exitCodeOf(status),
    );
  }
}

/** `/v1/apps/:app` and its input as a path with a query. */
export function fillPath(path: string, { param = {}, query = {} }: AnyInput): string {
  const filled = path.replaceAll(/:([a-z]+)/g, (_all, name: string) => encodeURIComponent(param[name] ?? ""));
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? filled : `${filled}?${new URLSearchParams(given).toString()}`;
}

/** The reason was a line of the work already: it is not said twice. */
function asTold({ message, hint, exitCode }: CliError): CliError {
  return new CliError(message, hint, exitCode, true);
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
