import { ChunkState, broken, scanChunks } from "../../server/router/http1/chunks.ts";
import { head } from "../../server/router/http1/head.ts";
import { parseAnswer } from "../../server/router/http1/parse-answer.ts";
import { parseRequest } from "../../server/router/http1/parse-request.ts";
import { TrailerReader } from "../../server/router/http1/trailers.ts";
import { llhttp } from "./llhttp.ts";
import { Mutator, type Side } from "./messages.ts";

/** Refused, not whole yet, or whole: then how long the first message is. */
export type Outcome = "refused" | "incomplete" | number;

const out = Buffer.alloc(1 << 16);

/** Our parser, given the message in two pieces. */
export function ours(side: Side, message: Buffer, split: number): Outcome {
  const parse = side === "request" ? parseRequest : parseAnswer;
  let body = 0;
  if (split > 0 && split < message.length) body = parse(message, 0, split, out, 0, 1_000);
  if (body === 0) body = parse(message, 0, message.length, out, 0, 1_000);
  if (body < 0) return "refused";
  if (body === 0) return "incomplete";
  if (side === "answer" && (head.status < 200 || head.status === 204 || head.status === 304)) return body;
  if (head.isChunked) return chunked(message, body, split);
  if (head.length !== -1) return message.length - body < head.length ? "incomplete" : body + head.length;
  return side === "request" ? body : "incomplete";
}

function chunked(message: Buffer, body: number, split: number): Outcome {
  const state = new ChunkState();
  const trailers = new TrailerReader();
  const pieces = split > body && split < message.length ? [split, message.length] : [message.length];
  let p = body;
  for (const end of pieces) {
    if (!state.isAtTrailers) p = scanChunks(state, message, p, end);
    if (p === broken) return "refused";
    if (!state.isAtTrailers || p === end) continue;
    const read = trailers.read(message, p, end);
    if (read === -1) return "refused";
    if (read >= 0) return read;
    p = end;
  }
  return "incomplete";
}

/** What may be accepted here and refused there: written down, each with its reason. */
const allowed: readonly { readonly name: string; readonly fits: (side: Side, text: string) => boolean }[] = [
  {
    // llhttp knows a list of methods; any token is one (RFC 9110 §9.1).
    name: "a method that llhttp does not know",
    fits: (side, text) => side === "request" && !/^(?:GET|POST|HEAD|PUT|OPTIONS) /.test(text),
  },
  {
    // It wants a token and reads no other forms of chunk extension values.
    name: "a quoted value in a chunk extension",
    fits: (_side, text) => /\n[0-9a-f]+;[^\r\n]*"/i.test(text),
  },
  {
    // It looks into targets of OPTIONS and absolute ones; here the authority is checked with the route.
    name: "the host of an absolute target",
    fits: (side, text) => side === "request" && /^[A-Z]+ https?:\/\//i.test(text),
  },
  {
    // RFC 9110 §15: a status is three digits.
    name: "a status above 599",
    fits: (side, text) => side === "answer" && /^HTTP\/1\.[01] [6-9]\d\d/.test(text),
  },
];

export interface Tally {
  runs: number;
  bothWhole: number;
  bothRefused: number;
  /** Both take the message and see different ends. */
  readonly lengths: string[];
  /** We take what llhttp refuses, and it is not on the list. */
  readonly lax: string[];
  readonly onList: Map<string, number>;
  stricter: number;
  /** The outcome depends on where the message was split. */
  readonly splits: string[];
}

/** Compares for `ms`; every message at every split. */
export function fuzz(seed: number, ms: number): Tally {
  const tally: Tally = {
    runs: 0,
    bothWhole: 0,
    bothRefused: 0,
    lengths: [],
    lax: [],
    onList: new Map(),
    stricter: 0,
    splits: [],
  };
  const mutator = new Mutator(seed);
  const end = performance.now() + ms;
  for (let turn = 0; performance.now() < end; turn++) {
    const side: Side = turn % 2 === 0 ? "request" : "answer";
    compare(side, mutator.message(side), tally);
  }
  return tally;
}

function compare(side: Side, message: Buffer, tally: Tally): void {
  const mine = ours(side, message, 0);
  const theirs = llhttp(side, message);
  const text = message.toString("latin1");
  const shown = `${side} ${mine} ${theirs} ${JSON.stringify(text)}`;
  tally.runs += 1;
  if (typeof mine === "number" && typeof theirs === "number") {
    if (mine === theirs) tally.bothWhole += 1;
    else tally.lengths.push(shown);
  } else if (typeof mine === "number" && theirs === "refused") {
    const reason = allowed.find((one) => one.fits(side, text));
    if (reason === undefined) tally.lax.push(shown);
    else tally.onList.set(reason.name, (tally.onList.get(reason.name) ?? 0) + 1);
  } else if (mine === "refused") {
    if (theirs === "refused") tally.bothRefused += 1;
    else tally.stricter += 1;
  } else if (typeof mine !== typeof theirs) tally.lengths.push(shown);
  for (let split = 1; split < message.length; split++) {
    const outcome = ours(side, message, split);
    if (outcome !== mine) tally.splits.push(`${shown} at ${split}: ${outcome}`);
  }
}
