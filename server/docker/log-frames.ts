const headerLength = 8;

/**
 * Lines of a finished `logs` answer. The engine frames stdout and stderr with a header of 8 bytes (stream, 0, 0, 0,
 * length as big-endian 32 bit), but not for containers with a terminal.
 */
export function splitLogFrames(raw: Buffer): readonly string[] {
  const chunks: Buffer[] = [];
  let at = 0;
  while (at + headerLength <= raw.length && isHeader(raw, at)) {
    const length = raw.readUInt32BE(at + 4);
    chunks.push(raw.subarray(at + headerLength, at + headerLength + length));
    at += headerLength + length;
  }
  const text = Buffer.concat(at === 0 ? [raw] : chunks).toString("utf8");
  return text.split(/\r?\n/).filter((line) => line !== "");
}

function isHeader(raw: Buffer, at: number): boolean {
  return (raw[at] ?? 9) <= 2 && raw[at + 1] === 0 && raw[at + 2] === 0 && raw[at + 3] === 0;
}
