const units = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
] as const;

/** `2026-01-01 10:00:00 +0000 (~ 1h ago)`, always UTC. Both in ms since the epoch. */
export function moment(at: number, now: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} +0000 (~ ${age(now - at)} ago)`;
}

/** In its largest unit: `3d`, `1h`, `42s`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [unit, size] = units.find(([, length]) => seconds >= length) ?? ["s", 1];
  return `${Math.floor(seconds / size)}${unit}`;
}
