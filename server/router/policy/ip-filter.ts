import { BlockList, isIP } from "node:net";
import type { Middleware } from "../middleware.ts";
import type { Answers } from "./answers.ts";

/** Refuses clients by address. A denied network wins; with an allowed one, all others are refused. */
export function ipFilter(allow: readonly string[], deny: readonly string[], answers: Answers): Middleware {
  const allowed = networks(allow);
  const denied = networks(deny);
  return {
    name: "ip-filter",
    request(head) {
      const isDenied = contains(denied, head.clientAddress);
      const isAllowed = allow.length === 0 || contains(allowed, head.clientAddress);
      return isAllowed && !isDenied ? { kind: "pass" } : { kind: "answer", answer: answers.refuse("ip_denied", head) };
    },
  };
}

/** `10.0.0.0/8`, `2001:db8::/32` or one address. @throws RangeError or TypeError for anything else */
export function networks(list: readonly string[]): BlockList {
  const blocks = new BlockList();
  for (const entry of list) {
    const [address = "", prefix] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    blocks.addSubnet(address, prefix === undefined ? (family === "ipv6" ? 128 : 32) : Number(prefix), family);
  }
  return blocks;
}

/** IPv4 written as IPv6 counts as IPv4. */
export function contains(blocks: BlockList, address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  const family = isIP(plain);
  return family !== 0 && blocks.check(plain, family === 6 ? "ipv6" : "ipv4");
}
