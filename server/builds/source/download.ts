import http from "node:http";
import https from "node:https";
import { AppError, isAppError, messageOf } from "../../core/errors.ts";
import { outwardAddress } from "./public-address.ts";

const maxRedirects = 5;
const silenceMs = 60_000;

/**
 * The content at an http or https address of the outside world. Each redirect is looked at anew.
 * @throws AppError SOURCE_URL_INVALID, SOURCE_HOST_PRIVATE, SOURCE_UNREACHABLE
 */
export async function download(
  from: string,
  allowed: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  let url = parseSourceUrl(from);
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const response = await ask(url, allowed, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode === 200) return response;
    response.destroy();
    const { location } = headers;
    const isMoved = statusCode >= 300 && statusCode < 400 && location !== undefined;
    if (!isMoved) throw new AppError("SOURCE_UNREACHABLE", { host: url.host, cause: `it answered ${statusCode}` });
    url = parseSourceUrl(new URL(location, url).href);
  }
  throw new AppError("SOURCE_UNREACHABLE", { host: url.host, cause: `it redirects more than ${maxRedirects} times` });
}

/** @throws AppError SOURCE_URL_INVALID */
export function parseSourceUrl(raw: string): URL {
  const url = URL.canParse(raw) ? new URL(raw) : undefined;
  if (url !== undefined && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new AppError("SOURCE_URL_INVALID", { url: raw });
}

async function ask(url: URL, allowed: ReadonlySet<string>, signal: AbortSignal): Promise<http.IncomingMessage> {
  const address = await outwardAddress(url.hostname, allowed);
  const { request } = url.protocol === "https:" ? https : http;
  try {
    return await new Promise<http.IncomingMessage>((resolve, reject) => {
      const sent = request(url, {
        signal,
        agent: false,
        timeout: silenceMs,
        headers: { "user-agent": "paas", accept: "*/*" },
        // The one that was looked at, whatever the name means now.
        lookup: (_host, _options, done) => done(null, [{ address, family: address.includes(":") ? 6 : 4 }]),
      });
      sent.once("response", resolve);
      sent.once("timeout", () => sent.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
      sent.once("error", reject);
      sent.end();
    });
  } catch (err) {
    signal.throwIfAborted();
    if (isAppError(err)) throw err;
    throw new AppError("SOURCE_UNREACHABLE", { host: url.host, cause: messageOf(err) }, { cause: err });
  }
}
