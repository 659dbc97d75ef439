/** Lines that say something, with their number from 1: blank ones and `#` comments left out, any line end, a BOM ignored. */
export function* meaningfulLines(text: string): Generator<readonly [number: number, line: string]> {
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .entries()) {
    const line = raw.trim();
    if (line !== "" && !line.startsWith("#")) yield [index + 1, line];
  }
}
