import { type FailureAnswer, type FailureCode, failureOf, renderFailure } from "../failures.ts";
import type { Field, OwnAnswer, RequestHead } from "../middleware.ts";
import type { Page } from "./route-policy.ts";

interface FailurePageRequest {
  readonly code: FailureCode;
  readonly status: number;
  readonly requestId: string;
  readonly accept: string;
}

/** The router's own answers on one route: its pages where it has some. */
export interface Answers {
  refuse(code: FailureCode, head: RequestHead, fields?: readonly Field[]): OwnAnswer;
  /** To a failure of the data path; undefined where the route has no page of its own for it. */
  failure(code: FailureCode, head: RequestHead): FailureAnswer | undefined;
}

export function createAnswers(pages: Readonly<Record<string, Page>> = {}, maintenance?: Page): Answers {
  const pageOf = (code: FailureCode, status: number): Page | undefined => {
    const own = code === "H80" ? maintenance : undefined;
    return own ?? pages[code] ?? pages[status] ?? pages[status < 500 ? "4xx" : "5xx"] ?? pages["default"];
  };
  const page = (failure: FailurePageRequest): OwnAnswer | undefined => {
    const { code, status, requestId, accept } = failure;
    const found = pageOf(code, status);
    const plain = renderFailure(code, requestId, accept, status);
    const fields = toFields(plain.headers);
    const isJson = fields.some(([name, value]) => name === "Content-Type" && value.startsWith("application/json"));
    // What asks for JSON would not know what to do with a page.
    if (found === undefined || isJson) return undefined;
    const body = "html" in found ? found.html : framed(found.url, failureOf(code).desc);
    return { status, code, body, fields: withLength(fields, Buffer.byteLength(body)) };
  };
  return {
    failure(code, head) {
      const answer = page(failureRequest(code, head));
      return answer && { ...answer, headers: answer.fields.flat(), body: Buffer.from(answer.body) };
    },
    refuse(code, head, extra = []) {
      const failure = failureRequest(code, head);
      const answer = page(failure) ?? plainAnswer(failure);
      return { ...answer, fields: [...answer.fields, ...extra] };
    },
  };
}

function failureRequest(code: FailureCode, head: RequestHead): FailurePageRequest {
  return { code, status: failureOf(code).status, requestId: head.requestId, accept: head.header("accept") ?? "" };
}

function plainAnswer({ code, status, requestId, accept }: FailurePageRequest): OwnAnswer {
  const { headers, body } = renderFailure(code, requestId, accept, status);
  return { status, code, body, fields: toFields(headers) };
}

function toFields(raw: readonly string[]): readonly Field[] {
  const fields: Field[] = [];
  for (let i = 0; i < raw.length; i += 2) fields.push([raw[i] ?? "", raw[i + 1] ?? ""]);
  return fields;
}

function withLength(fields: readonly Field[], length: number): readonly Field[] {
  return fields.map(([name, value]) => (name === "Content-Length" ? [name, String(length)] : [name, value]));
}

/** As Heroku shows ERROR_PAGE_URL: the status stays, the page comes from elsewhere. */
function framed(url: string, title: string): string {
  const escaped = url.replace(/[&"<>]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<style>html,body,iframe{margin:0;border:0;height:100%;width:100%;display:block}</style></head>
<body><iframe src="${escaped}" title="${title}"></iframe></body></html>
`;
}
