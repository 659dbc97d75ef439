import { acceptedCodings } from "../accept-encoding.ts";
import type { AnswerHead, Field, RequestHead } from "../../middleware.ts";
import { directivesOf, secondsOf } from "./directives.ts";

/** One stored answer. */
export interface Entry {
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: Buffer;
  /** The fields of `Vary` → what the request had there. */
  readonly vary: ReadonlyMap<string, string>;
  /** ms since the epoch, when it came. */
  readonly receivedAt: number;
  /** What it had aged before, ms. */
  readonly initialAgeMs: number;
  readonly freshMs: number;
  /** May be used only after asking the app (`no-cache`). */
  readonly alwaysAsks: boolean;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** Final by default and understood here (RFC 9110 15.1, without 206). */
const storable = new Set([200, 203, 300, 301, 308, 404, 405, 410, 414, 501]);
const notStored = new Set(["age", "connection", "via", "x-request-id", "cache-status", "content-length", "keep-alive"]);

/**
 * Whether a shared cache may keep the answer, and for how long it is fresh (RFC 9111 3 and 4.2.1). Nothing is guessed:
 * without a word of the app about its life an answer is not kept. `isPrivate`: the request was let in as somebody.
 */
export function plan(request: RequestHead, answer: AnswerHead, isPrivate: boolean, now: number): Plan | undefined {
  const control = directivesOf(answer.header("cache-control"));
  if (!storable.has(answer.status) || control.has("no-store") || control.has("private")) return undefined;
  if (directivesOf(request.header("cache-control")).has("no-store")) return undefined;
  if (answer.header("set-cookie") !== undefined || answer.header("content-range") !== undefined) return undefined;
  const vary = varyOf(answer.header("vary"), request);
  if (vary === undefined) return undefined;
  const isShared = ["public", "s-maxage", "must-revalidate"].some((name) => control.has(name));
  if ((isPrivate || request.header("authorization") !== undefined) && !isShared) return undefined;
  const freshMs = freshnessOf(control, answer, now);
  const etag = answer.header("etag");
  const lastModified = answer.header("last-modified");
  const alwaysAsks = control.has("no-cache");
  const canAsk = etag !== undefined || lastModified !== undefined;
  if (freshMs === undefined ? !(alwaysAsks && canAsk) : (freshMs === 0 || alwaysAsks) && !canAsk) return undefined;
  const initialAgeMs = initialAge(answer, now);
  return { vary, receivedAt: now, initialAgeMs, freshMs: freshMs ?? 0, alwaysAsks, etag, lastModified };
}

export type Plan = Omit<Entry, "status" | "fields" | "body">;

export function keptFields(answer: AnswerHead): readonly Field[] {
  return answer.fields().filter(([name]) => !notStored.has(name.toLowerCase()));
}

export function ageOf(entry: Pick<Entry, "receivedAt" | "initialAgeMs">, now: number): number {
  return entry.initialAgeMs + Math.max(0, now - entry.receivedAt);
}

/** Whether it may be given to this request without asking the app. */
export function isUsable(entry: Entry, request: RequestHead, now: number): boolean {
  const control = directivesOf(request.header("cache-control"));
  const pragma = request.header("cache-control") === undefined && /\bno-cache\b/i.test(request.header("pragma") ?? "");
  if (entry.alwaysAsks || control.has("no-cache") || pragma) return false;
  const age = ageOf(entry, now);
  const maxAge = secondsOf(control, "max-age");
  const minFresh = secondsOf(control, "min-fresh") ?? 0;
  return age + minFresh < entry.freshMs && (maxAge === undefined || age <= maxAge);
}

/** The request's values of the fields that the answer depends on; undefined for `*`. */
export function varyOf(header: string | undefined, request: RequestHead): ReadonlyMap<string, string> | undefined {
  const names = (header ?? "").split(",").map((name) => name.trim().toLowerCase());
  if (names.includes("*")) return undefined;
  return new Map(names.filter((name) => name !== "").map((name) => [name, normal(name, request.header(name))]));
}

export function suits(entry: Pick<Entry, "vary">, request: RequestHead): boolean {
  return [...entry.vary].every(([name, value]) => normal(name, request.header(name)) === value);
}

/** Browsers name the same codings in many ways. */
function normal(name: string, value: string | undefined): string {
  if (value === undefined) return "";
  if (name !== "accept-encoding") return value.replace(/\s*,\s*/g, ",").trim();
  return [...acceptedCodings(value)].toSorted().join(",");
}

function freshnessOf(control: ReadonlyMap<string, string>, answer: AnswerHead, now: number): number | undefined {
  const told = secondsOf(control, "s-maxage") ?? secondsOf(control, "max-age");
  if (told !== undefined) return told;
  const expires = answer.header("expires");
  if (expires === undefined) return undefined;
  const end = Date.parse(expires);
  // What is no date is in the past.
  return Number.isNaN(end) ? 0 : Math.max(0, end - dateOf(answer, now));
}

function initialAge(answer: AnswerHead, now: number): number {
  const told = Number(/^\d+/.exec(answer.header("age") ?? "")?.[0] ?? 0) * 1000;
  return Math.max(told, now - dateOf(answer, now), 0);
}

function dateOf(answer: AnswerHead, now: number): number {
  const date = Date.parse(answer.header("date") ?? "");
  return Number.isNaN(date) ? now : date;
}
