import { parseArgs } from "node:util";
import { fuzz } from "./differential.ts";

/** `node tests/fuzz/router.ts --seconds 600 [--seed N]`: our HTTP/1.1 parser against llhttp. */
function main(): void {
  const options = { seconds: { type: "string", default: "60" }, seed: { type: "string" } } as const;
  const { values } = parseArgs({ options });
  const seed = Number(values.seed ?? Date.now() % 1_000_000_007);
  const tally = fuzz(seed, Number(values.seconds) * 1_000);
  const { lengths, lax, splits, onList, ...counts } = tally;
  console.log({ seed, ...counts, onList, lengths: lengths.length, lax: lax.length, splits: splits.length });
  for (const line of [...lengths.slice(0, 10), ...lax.slice(0, 20), ...splits.slice(0, 5)]) console.log(line);
  process.exitCode = lengths.length + lax.length + splits.length === 0 ? 0 : 1;
}

main();
