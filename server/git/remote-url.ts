import { AppError } from "../core/errors.ts";
import { shownUrl, submoduleUrl } from "./gitmodules.ts";

/**
 * A repository elsewhere that somebody has named: http, https, ssh or git, never a file of this machine or a helper program.
 * @throws AppError SOURCE_URL_INVALID
 */
export function assertRemoteUrl(url: string): { readonly host: string; readonly shownUrl: string } {
  const shown = shownUrl(url);
  const isRelative = url.startsWith(".");
  if (isRelative || /[\s\0]/.test(url) || submoduleUrl(url, undefined) === undefined)
    throw new AppError("SOURCE_URL_INVALID", { url: shown });
  const host = URL.canParse(url) ? new URL(url).hostname : (/@([^:]+):/.exec(url)?.[1] ?? "");
  return { host, shownUrl: shown };
}
