import type { RequestHead } from "../middleware.ts";
import type { Target } from "../protocol.ts";
import type { RoutePolicy } from "./route-policy.ts";

export type Balance = (
  targets: readonly Target[],
  inFlight: (id: string) => number,
  head: RequestHead,
) => Target | undefined;

export function balanceOf(how: RoutePolicy["balance"] = "round-robin"): Balance {
  if (how === "round-robin") return roundRobin();
  return how === "least-connections" ? leastConnections() : byHash(how.slice("hash:".length).toLowerCase());
}

/** Each in turn, from a random one on: workers and routers shall not all begin with the first. */
export function roundRobin(random: () => number = Math.random): Balance {
  let turn = Math.floor(random() * 1_000_000);
  return (targets) => targets[turn++ % targets.length];
}

/** The one with the fewest requests under way, at random among equals. */
export function leastConnections(random: () => number = Math.random): Balance {
  return (targets, inFlight) => {
    let best: Target[] = [];
    let fewest = Number.POSITIVE_INFINITY;
    for (const target of targets) {
      const count = inFlight(target.id);
      if (count < fewest) [best, fewest] = [[], count];
      if (count === fewest) best.push(target);
    }
    return best[Math.floor(random() * best.length)];
  };
}

/**
 * The same value of a header leads to the same instance in all workers, also after a deploy; where instances come or go
 * only what was theirs moves (rendezvous hashing). Requests without it take turns.
 */
export function byHash(header: string): Balance {
  const others = roundRobin();
  return (targets, inFlight, head) => {
    const value = head.header(header);
    if (value === undefined) return others(targets, inFlight, head);
    const weights = targets.map(({ name }) => hashOf(`${value}\n${name}`));
    return targets[weights.indexOf(Math.max(...weights))];
  };
}

/** FNV-1a with a last mix: its upper bits alone differ too little between `web.1` and `web.2`. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Chooses among the apps of a shared route by weight, then within the chosen one. */
export function weighted(make: () => Balance, random: () => number = Math.random): Balance {
  const inside = new Map<string, Balance>();
  return (targets, inFlight, head) => {
    const groups = groupsOf(targets);
    let left = random() * [...groups.values()].reduce((sum, group) => sum + group.weight, 0);
    for (const [name, group] of groups) {
      left -= group.weight;
      if (left >= 0) continue;
      const balance = inside.get(name) ?? make();
      inside.set(name, balance);
      return balance(group.targets, inFlight, head);
    }
    return undefined;
  };
}

function groupsOf(targets: readonly Target[]): Map<string, { weight: number; targets: Target[] }> {
  const groups = new Map<string, { weight: number; targets: Target[] }>();
  for (const target of targets) {
    const name = target.share?.group ?? "";
    const group = groups.get(name) ?? { weight: target.share?.weight ?? 1, targets: [] };
    group.targets.push(target);
    groups.set(name, group);
  }
  return groups;
}
