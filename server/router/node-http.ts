/**
 * Asked for when it is needed: it takes 2 MB, and `import` of it evaluates its lazy exports, and with them the whole fetch
 * client: 13 MB more.
 */
export function nodeHttp(): Pick<typeof import("node:http"), "request" | "STATUS_CODES"> {
  return process.getBuiltinModule("node:http");
}

/** What stands behind a status in HTTP/1.1; empty where there is no such. */
export function reasonOf(status: number): string {
  return nodeHttp().STATUS_CODES[status] ?? "";
}
