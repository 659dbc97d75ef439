import { AppError } from "../../core/errors.ts";

// https://github.com/distribution/reference: host[:port]/path[:tag][@digest]
const name = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?::\d{1,5}(?=\/))?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*/;
const rest = /^(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[a-f0-9]{64})?$/;
const id = /^sha256:[a-f0-9]{64}$/;
const maxLength = 400;

/** The reference with a tag: without one an engine would pull all of them. @throws AppError IMAGE_REFERENCE_INVALID */
export function imageReference(raw: string): string {
  if (id.test(raw)) return raw;
  const own = raw.length > maxLength ? "" : (name.exec(raw)?.[0] ?? "");
  const more = raw.slice(own.length);
  if (own === "" || !rest.test(more)) throw new AppError("IMAGE_REFERENCE_INVALID", { ref: raw });
  return more === "" ? `${raw}:latest` : raw;
}
