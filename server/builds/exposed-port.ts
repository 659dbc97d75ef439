const continued = /\\[ \t]*\r?\n(?:[ \t]*#[^\n]*\n)*/g;

/**
 * The TCP port that comes first in the last stage's EXPOSE lines and that the image has; else the image's lowest (one
 * that a base image or a variable exposes).
 *
 * @param tcpPorts the image's exposed TCP ports, ascending
 */
export function exposedPort(dockerfile: string, tcpPorts: readonly number[]): number | undefined {
  const written = lastStage(dockerfile).flatMap((line) => {
    const [, ports] = /^EXPOSE\s+(.*)$/i.exec(line) ?? [];
    return (ports ?? "").split(/\s+/).flatMap(tcpPort);
  });
  return written.find((port) => tcpPorts.includes(port)) ?? tcpPorts[0];
}

function lastStage(dockerfile: string): readonly string[] {
  const lines = dockerfile
    .replace(continued, " ")
    .split(/\r?\n/)
    .map((line) => line.trim());
  return lines.slice(lines.findLastIndex((line) => /^FROM\s/i.test(line)) + 1);
}

/** `80`, `80/tcp`, the first of `80-90`. */
function tcpPort(word: string): readonly number[] {
  const [, port] = /^"?(\d+)(?:-\d+)?(?:\/tcp)?"?$/i.exec(word) ?? [];
  return port === undefined ? [] : [Number(port)];
}
