import type { Api } from "../../../server/api/api.ts";
import type { Peer } from "../../../server/api/peer.ts";
import { tokens } from "../../support/fake-api.ts";

export interface Asked {
  readonly method?: string;
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string;
  readonly token?: string | undefined;
  readonly peer?: Peer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request to the API in memory, over TCP as ann unless told. */
export async function ask(api: Api, path: string, asked: Asked = {}): Promise<Response> {
  const { method = "GET", json, peer = "tcp", token = tokens.ann } = asked;
  const body = asked.body ?? (json === undefined ? undefined : JSON.stringify(json));
  const headers = {
    host: "127.0.0.1:7070",
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
    ...asked.headers,
  };
  const request = new Request(`http://127.0.0.1:7070${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  return api.app.fetch(request, { peer });
}

/** The lines of a streamed answer. */
export async function recordsOf(response: Response): Promise<readonly unknown[]> {
  const lines = (await response.text()).split("\n");
  return lines.filter((line) => line !== "").map((line): unknown => JSON.parse(line));
}
