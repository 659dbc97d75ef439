/** A network of `2 ** (32 - prefix)` addresses; `base` is the first as an unsigned integer. */
interface Cidr {
  readonly base: number;
  readonly prefix: number;
}

// 10.210.0.0/16 in networks of 4,096 addresses: away from the engine's own pools (172.17–31, 192.168).
const pool: Cidr = { base: ((10 << 24) | (210 << 16)) >>> 0, prefix: 16 };
const prefix = 20;

/** First free subnet of ours. `used` are CIDRs of the engine's networks and of the host's routes. */
export function chooseSubnet(used: readonly string[]): string | undefined {
  const taken = used.map(parseCidr).filter((cidr) => cidr !== undefined);
  const size = 2 ** (32 - prefix);
  for (let base = pool.base; base < pool.base + 2 ** (32 - pool.prefix); base += size) {
    const candidate = { base, prefix };
    if (!taken.some((other) => overlaps(candidate, other))) return format(candidate);
  }
  return undefined;
}

export function parseCidr(text: string): Cidr | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  if (match === null) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match.slice(1).map(Number);
  return { base: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, prefix: bits };
}

function overlaps(a: Cidr, b: Cidr): boolean {
  const shorter = Math.min(a.prefix, b.prefix);
  // The default route covers everything and takes nothing.
  if (shorter === 0) return false;
  return Math.floor(a.base / 2 ** (32 - shorter)) === Math.floor(b.base / 2 ** (32 - shorter));
}

function format(cidr: Cidr): string {
  const octets = [24, 16, 8, 0].map((shift) => (cidr.base >>> shift) & 255);
  return `${octets.join(".")}/${cidr.prefix}`;
}

/** CIDRs in the text of /proc/net/route. */
export function parseHostRoutes(text: string): readonly string[] {
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length > 7)
    .map((columns) => {
      const [destination = 0, mask = 0] = [columns[1], columns[7]].map((hex) =>
        swapBytes(Number.parseInt(hex ?? "0", 16)),
      );
      return format({ base: destination, prefix: mask.toString(2).replaceAll("0", "").length });
    });
}

function swapBytes(value: number): number {
  return (((value & 255) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
