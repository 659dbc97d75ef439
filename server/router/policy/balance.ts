import type { Target } from "../protocol.ts";

export type Balance = (targets: readonly Target[], inFlight: (id: string) => number) => Target | undefined;

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

/** Chooses among the apps of a shared route by weight, then within the chosen one. */
export function weighted(make: () => Balance, random: () => number = Math.random): Balance {
  const inside = new Map<string, Balance>();
  return (targets, inFlight) => {
    const groups = groupsOf(targets);
    let left = random() * [...groups.values()].reduce((sum, group) => sum + group.weight, 0);
    for (const [name, group] of groups) {
      left -= group.weight;
      if (left >= 0) continue;
      const balance = inside.get(name) ?? make();
      inside.set(name, balance);
      return balance(group.targets, inFlight);
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
