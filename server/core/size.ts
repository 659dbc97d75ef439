const kib = 1024;
const mib = kib ** 2;
const gib = kib ** 3;

/** For people: `0 MB`, `512 MB`, `1.5 GB`. A GB here is 1024 MB, as memory is sold. */
export function formatBytes(bytes: number): string {
  if (bytes < 0.95 * mib) return bytes < 0.05 * mib ? "0 MB" : `${(bytes / mib).toFixed(1)} MB`;
  if (bytes < 0.9995 * gib) return `${Math.round(bytes / mib)} MB`;
  const tenths = (bytes / gib).toFixed(bytes < 100 * gib ? 1 : 0);
  return `${tenths.replace(/\.0$/, "")} GB`;
}

/** `512`, `512M`, `1.5G` in bytes, a bare number being MB; undefined for anything else. */
export function parseSize(raw: string): number | undefined {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?)(?:(k|m|g|t)(?:i?b)?)?$/i.exec(raw.trim()) ?? [];
  if (number === undefined) return undefined;
  const units: Readonly<Record<string, number>> = { k: kib, m: mib, g: gib, t: 1024 * gib };
  const bytes = Math.round(Number(number) * (units[(unit ?? "m").toLowerCase()] ?? mib));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** As a flag takes it: `512M`, `2G`. Rounded up to whole MB. */
export function sizeFlag(bytes: number): string {
  const mb = Math.ceil(bytes / mib);
  return mb % 1024 === 0 ? `${mb / 1024}G` : `${mb}M`;
}
