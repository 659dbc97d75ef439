/** It changes nothing (RFC 9110 §9.2.1): where nothing can have been executed it may be sent again. */
export function isSafe(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS" || method === "TRACE";
}

/** Its requests have no body by nature, and say nothing of the length of one. */
export function isWithoutBody(method: string): boolean {
  return isSafe(method) || method === "DELETE";
}
