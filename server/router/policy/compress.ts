import type { Duplex } from "node:stream";
import type { AnswerEdit, AnswerHead, Middleware } from "../middleware.ts";
import { acceptedCodings } from "./accept-encoding.ts";

const minBytes = 1_024;
const types =
  /^(?:text\/(?!event-stream)|application\/(?:[\w.+-]*\+)?(?:json|xml|javascript|wasm|x-ndjson)|image\/svg\+xml|font\/(?:ttf|otf)|application\/(?:manifest\+json|vnd\.ms-fontobject))/i;

const coders: Readonly<Record<string, () => Duplex>> = {
  // What has come goes out at once: an answer may be a stream.
  br: () => {
    const { constants, createBrotliCompress } = zlib();
    return createBrotliCompress({
      flush: constants.BROTLI_OPERATION_FLUSH,
      params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 18 },
    });
  },
  gzip: () => {
    const { constants, createGzip } = zlib();
    return createGzip({ flush: constants.Z_SYNC_FLUSH, level: 5 });
  },
};

/** Only routes that compress pay for it: 1 MB. */
function zlib(): typeof import("node:zlib") {
  return process.getBuiltinModule("node:zlib");
}

/** Compresses text that the app did not. Event streams are left alone. */
export function compress(): Middleware {
  return {
    name: "compress",
    request(head) {
      const accepted = acceptedCodings(head.header("accept-encoding"));
      const coding = ["br", "gzip"].find((name) => accepted.has(name));
      const isHead = head.method === "HEAD";
      return { kind: "pass", onAnswer: (answer) => edit(answer, coding, isHead) };
    },
  };
}

function edit(answer: AnswerHead, coding: string | undefined, isHead: boolean): AnswerEdit | undefined {
  if (!isSuitable(answer)) return undefined;
  const vary = varied(answer.header("vary"));
  const body = coding === undefined || isHead ? undefined : coders[coding];
  if (coding === undefined || body === undefined) return vary;
  const etag = answer.header("etag");
  // Other bytes under the same strong validator would be taken for the same (RFC 9110 8.8.1).
  const weak = etag === undefined || etag.startsWith("W/") ? [] : [["ETag", `W/${etag}`] as const];
  return {
    set: [...(vary.set ?? []), ["Content-Encoding", coding], ...weak],
    remove: ["content-length", "accept-ranges", "content-md5", "digest", "repr-digest", "content-digest"],
    body,
  };
}

function isSuitable(answer: AnswerHead): boolean {
  const { status } = answer;
  if (status < 200 || status === 204 || status === 206 || status === 304) return false;
  if (!types.test(answer.header("content-type") ?? "") || answer.header("content-encoding") !== undefined) return false;
  if (/\bno-transform\b/i.test(answer.header("cache-control") ?? "")) return false;
  const length = answer.header("content-length");
  return length === undefined || Number(length) >= minBytes;
}

function varied(vary: string | undefined): AnswerEdit {
  if (vary === undefined) return { set: [["Vary", "Accept-Encoding"]] };
  const hasIt = vary.split(",").some((name) => ["*", "accept-encoding"].includes(name.trim().toLowerCase()));
  return hasIt ? {} : { set: [["Vary", `${vary}, Accept-Encoding`]] };
}
