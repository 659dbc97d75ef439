import { Transform } from "node:stream";
import type { AnswerEdit, AnswerHead, Field, HeadEdit, Middleware, OwnAnswer, RequestHead } from "../../middleware.ts";
import { isSafe } from "../../methods.ts";
import type { Answers } from "../answers.ts";
import { directivesOf } from "./directives.ts";
import { ageOf, type Entry, isUsable, keptFields, plan, type Plan } from "./entry.ts";
import type { CacheStore } from "./store.ts";

export interface CacheOptions {
  readonly store: CacheStore;
  /** Of the route: its answers are told apart from those of others by it. */
  readonly route: string;
  readonly maxEntryBytes: number;
  /** Requests are let in as somebody: only what the app says is for all is kept. */
  readonly isPrivate: boolean;
  readonly answers: Answers;
  readonly now?: () => number;
}

/** A shared cache (RFC 9111) in memory. Says in `Cache-Status` (RFC 9211) what it did. */
export function responseCache(options: CacheOptions): Middleware {
  const cache = new ResponseCache(options);
  return { name: "cache", request: (head) => cache.request(head) };
}

export function cacheKey(route: string, head: Pick<RequestHead, "protocol" | "host" | "target">): string {
  return `${route}\n${head.protocol}://${head.host}${head.target}`;
}

class ResponseCache {
  readonly #options: CacheOptions;
  readonly #now: () => number;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  request(head: RequestHead): ReturnType<Middleware["request"]> {
    const { store, route, answers } = this.#options;
    const key = cacheKey(route, head);
    if (!isSafe(head.method)) {
      // What has been changed must not be given any more (RFC 9111 4.4).
      return {
        kind: "pass",
        onAnswer: (answer) => (answer.status < 400 ? this.#forget(key, head, answer) : undefined),
      };
    }
    // A part of a body is not kept, and not made of a kept one either.
    const isCacheable = (head.method === "GET" || head.method === "HEAD") && head.header("range") === undefined;
    if (!isCacheable || head.header("upgrade") !== undefined) return { kind: "pass" };
    const entry = store.find(key, head);
    if (entry !== undefined && isUsable(entry, head, this.#now())) {
      return { kind: "answer", answer: this.#given(entry, head, "hit") };
    }
    if (directivesOf(head.header("cache-control")).has("only-if-cached")) {
      return { kind: "answer", answer: answers.refuse("not_cached", head) };
    }
    const question = entry === undefined || head.method === "HEAD" ? undefined : questionOf(entry);
    if (entry === undefined || question === undefined) {
      return { kind: "pass", onAnswer: (answer) => this.#keep(key, head, answer, "fwd=uri-miss") };
    }
    return { kind: "pass", edit: question, onAnswer: (answer) => this.#asked(key, head, entry, answer) };
  }

  #asked(key: string, head: RequestHead, entry: Entry, answer: AnswerHead): AnswerEdit {
    if (answer.status !== 304) return this.#keep(key, head, answer, "fwd=stale");
    const fresh = this.#renewed(entry, head, answer);
    if (fresh === undefined) this.#options.store.delete(key);
    else this.#options.store.put(key, fresh, head);
    return { replace: this.#given(fresh ?? entry, head, "hit; fwd=stale; fwd-status=304") };
  }

  /** The stored one with the fields of the 304 (RFC 9111 4.3.4). */
  #renewed(entry: Entry, head: RequestHead, answer: AnswerHead): Entry | undefined {
    const news = keptFields(answer);
    const names = new Set(news.map((field) => field[0].toLowerCase()));
    const fields = [...entry.fields.filter((field) => !names.has(field[0].toLowerCase())), ...news];
    const merged: AnswerHead = {
      status: entry.status,
      fields: () => fields,
      header: (name) => fields.find((field) => field[0].toLowerCase() === name)?.[1],
    };
    const kept = plan(head, merged, this.#options.isPrivate, this.#now());
    return kept && { ...kept, vary: entry.vary, status: entry.status, body: entry.body, fields };
  }

  #keep(key: string, head: RequestHead, answer: AnswerHead, why: string): AnswerEdit {
    const kept = head.method === "GET" ? plan(head, answer, this.#options.isPrivate, this.#now()) : undefined;
    const said = (isStored: boolean): AnswerEdit => ({
      add: [["Cache-Status", `paas; ${why}${isStored ? "; stored" : ""}`]],
    });
    const length = Number(answer.header("content-length") ?? 0);
    if (kept === undefined || length > this.#options.maxEntryBytes) return said(false);
    return { ...said(true), body: () => this.#tee(key, head, answer, kept), keepsLength: true };
  }

  #tee(key: string, head: RequestHead, answer: AnswerHead, kept: Plan): Transform {
    const { store, maxEntryBytes } = this.#options;
    const { status } = answer;
    const fields = keptFields(answer);
    let chunks: Buffer[] | undefined = [];
    let length = 0;
    return new Transform({
      transform(chunk: Buffer, _encoding, done) {
        length += chunk.length;
        if (length > maxEntryBytes) chunks = undefined;
        // The data path uses its buffers again.
        chunks?.push(Buffer.from(chunk));
        done(null, chunk);
      },
      flush(done) {
        if (chunks !== undefined) store.put(key, { ...kept, status, fields, body: Buffer.concat(chunks) }, head);
        done();
      },
    });
  }

  #given(entry: Entry, head: RequestHead, status: string): OwnAnswer {
    const now = this.#now();
    const ageSeconds = Math.floor(ageOf(entry, now) / 1000);
    const ttl = Math.ceil((entry.freshMs - ageOf(entry, now)) / 1000);
    const own: Field[] = [
      ["Age", String(ageSeconds)],
      ["Cache-Status", `paas; ${status}; ttl=${ttl}`],
      ["X-Request-Id", head.requestId],
    ];
    if (isNotModified(entry, head)) return { status: 304, fields: [...entry.fields.filter(isOf304), ...own], body: "" };
    const length = ["Content-Length", String(entry.body.length)] as const;
    return { status: entry.status, fields: [...entry.fields, ...own, length], body: entry.body };
  }

  #forget(key: string, head: RequestHead, answer: AnswerHead): undefined {
    const { store, route } = this.#options;
    store.delete(key);
    for (const name of ["location", "content-location"]) {
      const place = answer.header(name);
      const base = `${head.protocol}://${head.host}${head.target}`;
      if (place === undefined || !URL.canParse(place, base)) continue;
      const url = new URL(place, base);
      if (url.hostname !== head.host) continue;
      store.delete(cacheKey(route, { protocol: head.protocol, host: head.host, target: url.pathname + url.search }));
    }
    return undefined;
  }
}

/** Asks the app whether the stored answer is still good, in place of what the client asked. */
function questionOf(entry: Entry): HeadEdit | undefined {
  const remove = ["if-none-match", "if-modified-since", "if-match", "if-unmodified-since"];
  if (entry.etag !== undefined) return { remove, set: [["If-None-Match", entry.etag]] };
  return entry.lastModified === undefined ? undefined : { remove, set: [["If-Modified-Since", entry.lastModified]] };
}

const fieldsOf304 = new Set(["cache-control", "content-location", "date", "etag", "expires", "vary", "last-modified"]);
const isOf304 = ([name]: Field): boolean => fieldsOf304.has(name.toLowerCase());

/** What the client has is the same (RFC 9110 13.2.2). */
function isNotModified(entry: Entry, head: RequestHead): boolean {
  const tags = head.header("if-none-match");
  if (tags !== undefined) {
    if (tags.trim() === "*") return true;
    const own = entry.etag?.replace(/^W\//, "");
    return own !== undefined && (tags.match(/(?:W\/)?"[^"]*"/g) ?? []).some((tag) => tag.replace(/^W\//, "") === own);
  }
  const since = Date.parse(head.header("if-modified-since") ?? "");
  const modified = Date.parse(entry.lastModified ?? "");
  return !Number.isNaN(since) && !Number.isNaN(modified) && modified <= since;
}
