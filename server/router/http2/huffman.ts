/** Bits of each symbol's code (RFC 7541 appendix B), EOS last. The code is canonical: the lengths say it all. */
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];
const eos = 256;

/*
 * The tree, four bits at a step: what stands at `state * 16 + bits` is the next state, a symbol that ends on the way (never
 * more than one: no code is shorter than five bits), and whether the text may end there.
 */
const emits = 1 << 8;
const mayEnd = 1 << 9;
const broken = 1 << 10;
const symbolShift = 16;
const steps = buildSteps();

/**
 * Decodes what stands in `from` between `start` and `end` to `out` at `at`, which needs 8/5 of the room. Answers where it
 * ends, or −1: padding that is none, or EOS (§5.2).
 */
export function decodeHuffman(from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  let o = at;
  let step = mayEnd;
  for (let p = start; p < end; p++) {
    const byte = from[p] as number;
    step = steps[((step & 255) << 4) | (byte >>> 4)] as number;
    if ((step & (emits | broken)) !== 0) {
      if ((step & broken) !== 0) return -1;
      out[o++] = step >>> symbolShift;
    }
    step = steps[((step & 255) << 4) | (byte & 15)] as number;
    if ((step & (emits | broken)) !== 0) {
      if ((step & broken) !== 0) return -1;
      out[o++] = step >>> symbolShift;
    }
  }
  return (step & mayEnd) === 0 ? -1 : o;
}

interface Node {
  readonly children: (Node | number | undefined)[];
  readonly mayEnd: boolean;
  state: number;
}

function buildSteps(): Int32Array {
  const nodes: Node[] = [];
  const add = (isPadding: boolean): Node => {
    const node = { children: [undefined, undefined], mayEnd: isPadding, state: nodes.length };
    nodes.push(node);
    return node;
  };
  const root = add(true);
  const symbols = codeLengths.map((length, symbol) => ({ length, symbol }));
  symbols.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  let code = 0;
  let before = 0;
  for (const { length, symbol } of symbols) {
    code *= 2 ** (length - before);
    before = length;
    let node = root;
    // Padding is the beginning of EOS, which is ones, and less than a byte.
    let isPadding = true;
    for (let bit = length - 1; bit > 0; bit--) {
      const way = Math.floor(code / 2 ** bit) % 2;
      isPadding &&= way === 1 && length - bit < 8;
      const next = node.children[way] ?? add(isPadding);
      if (typeof next === "number") throw new Error("two codes in one place");
      node.children[way] = next;
      node = next;
    }
    node.children[code % 2] = symbol;
    code += 1;
  }
  const table = new Int32Array(nodes.length * 16);
  for (const node of nodes)
    for (let bits = 0; bits < 16; bits++) table[node.state * 16 + bits] = stepOf(root, node, bits);
  return table;
}

function stepOf(root: Node, from: Node, bits: number): number {
  let node = from;
  let said = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = node.children[(bits >> bit) & 1];
    if (next === undefined || next === eos) return broken;
    if (typeof next === "number") {
      said = emits | (next << symbolShift);
      node = root;
    } else node = next;
  }
  return said | node.state | (node.mayEnd ? mayEnd : 0);
}
