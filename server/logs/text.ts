/** Longest line that is kept in one piece, bytes of UTF-8. */
export const maxLineBytes = 10_000;

// Kept: tab and colour sequences (SGR). Everything else that a terminal acts on, or that readers take for a line end, is not.
const unsafePattern = /(\u001b\[[0-9;:]*m)|[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g;
const plainPattern = /^[\t\u0020-\u007e]*$/;

/** Makes control characters visible as `\x1b`, so that a line can neither forge another nor act on a terminal. */
export function cleanText(text: string): string {
  if (plainPattern.test(text)) return text;
  return text.toWellFormed().replace(unsafePattern, (found, colour: string | undefined) => colour ?? visible(found));
}

function visible(character: string): string {
  const code = character.charCodeAt(0);
  return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`;
}

/** Cuts a clean line into pieces of at most `maxBytes`, never inside a character or a colour sequence. */
export function splitText(text: string, maxBytes: number = maxLineBytes): readonly string[] {
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return [text];
  const pieces: string[] = [];
  let from = 0;
  while (from < text.length) {
    const to = cutBefore(text, from, endWithin(text, from, maxBytes));
    pieces.push(text.slice(from, to));
    from = to;
  }
  return pieces;
}

function endWithin(text: string, from: number, maxBytes: number): number {
  let bytes = 0;
  let at = from;
  while (at < text.length) {
    const code = text.codePointAt(at) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > maxBytes) break;
    at += code > 0xffff ? 2 : 1;
  }
  return at;
}

/** Steps back over a colour sequence that the cut would fall into. */
function cutBefore(text: string, from: number, to: number): number {
  if (to === text.length) return to;
  const open = text.lastIndexOf("\u001b", to - 1);
  const isInside = open > from && /^\u001b\[?[0-9;:]*$/.test(text.slice(open, to));
  return isInside ? open : to;
}
