const headerLength = 8;

export interface Piece {
  readonly from: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

/**
 * Takes the engine's framing off a stream of stdout and stderr: a header of 8 bytes (stream, 0, 0, 0, length as
 * big-endian 32 bit) before each piece. Pieces of both come in the order in which they were written.
 */
export async function* unframed(stream: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  let header = Buffer.alloc(0);
  let left = 0;
  let from: Piece["from"] = "stdout";
  for await (let chunk of stream) {
    while (chunk.length > 0) {
      if (left === 0) {
        const missing = headerLength - header.length;
        header = Buffer.concat([header, chunk.subarray(0, missing)]);
        chunk = chunk.subarray(missing);
        if (header.length < headerLength) continue;
        left = header.readUInt32BE(4);
        from = header[0] === 2 ? "stderr" : "stdout";
        header = Buffer.alloc(0);
        continue;
      }
      const piece = chunk.subarray(0, left);
      left -= piece.length;
      chunk = chunk.subarray(piece.length);
      yield { from, bytes: piece };
    }
  }
}
