/** Smaller ones are not worth it. */
const largeBytes = 16_384;

/**
 * Gives memory that was read into back at once, when nobody has a use for it any more: the collector comes late for what
 * does not stand in its heap, and the next read takes the same memory while it is at hand. The bytes are gone then, for
 * every view of them. Not where they are few, nor where `kept` stands among them, nor where others may.
 */
export function giveBack(bytes: Buffer, kept: Buffer): void {
  const { buffer, length } = bytes;
  if (length < largeBytes || buffer === kept.buffer || !(buffer instanceof ArrayBuffer)) return;
  // Node's pool is shared out in pieces of less than half of it.
  if (length === buffer.byteLength || length >= Buffer.poolSize / 2) buffer.transfer(0);
}
