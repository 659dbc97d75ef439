import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { AppError } from "../../core/errors.ts";

/** Networks that only this machine and its neighbours reach, metadata services of clouds among them. */
const inward = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  inward.addSubnet(net, prefix, "ipv4");
for (const [net, prefix] of [
  ["::", 127],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  inward.addSubnet(net, prefix, "ipv6");

/** False for loopback, private, link-local and the like, IPv4 inside IPv6 too. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !inward.check(address, family === 6 ? "ipv6" : "ipv4");
}

/**
 * The address of a host that somebody has named, to be connected to as it is: what a name means may have changed the next
 * time that it is asked for. Inward ones only when the operator has named the host.
 * @throws AppError SOURCE_HOST_PRIVATE, SOURCE_UNREACHABLE
 */
export async function outwardAddress(hostname: string, allowed: ReadonlySet<string>): Promise<string> {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const found = await lookup(host, { all: true }).catch((err: unknown) => {
    throw new AppError("SOURCE_UNREACHABLE", { host, cause: "its name is not known" }, { cause: err });
  });
  const address = allowed.has(host) ? found[0] : found.find((one) => isPublicAddress(one.address));
  if (address === undefined) throw new AppError("SOURCE_HOST_PRIVATE", { host });
  return address.address;
}
