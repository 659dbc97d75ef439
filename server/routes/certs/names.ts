import { isIP } from "node:net";

/** Names that no CA of the public gives certificates for (RFC 2606, 6761, 6762, 9476 and home.arpa). */
const reserved = ["localhost", "test", "example", "invalid", "local", "internal", "onion", "alt", "home.arpa"];
const reservedDomains = ["example.com", "example.net", "example.org"];

/** Whether a public CA can know the name. */
export function isPublicName(name: string): boolean {
  const host = name.replace(/^\*\./, "");
  if (isIP(host) !== 0 || !host.includes(".")) return false;
  return ![...reserved, ...reservedDomains].some((end) => host === end || host.endsWith(`.${end}`));
}

/** Whether a certificate for `name` serves `host`: a wildcard stands for exactly one label (RFC 6125 6.4.3). */
export function covers(name: string, host: string): boolean {
  if (name === host) return true;
  return name.startsWith("*.") && !host.startsWith("*.") && parentOf(host) === name.slice(2);
}

/** `example.test` of `www.example.test`. */
export function parentOf(host: string): string {
  const dot = host.indexOf(".");
  return dot === -1 ? "" : host.slice(dot + 1);
}
