import { parseArgs } from "node:util";
import { type Sample, soak, trend } from "./soak.ts";

const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
/** What a run may gain after its first third, as a part of what it has at its end. */
const flatPart = 0.1;

/** `node tests/soak/router.ts --requests 1000000`: is the router's memory flat? */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { requests: { type: "string", default: "1000000" } } });
  const requests = Number(values.requests);
  let shown = 0;
  const show = (sample: Sample) => {
    if (sample.requests < shown) return;
    shown += requests / 20;
    console.log(`${sample.requests} requests, ${mb(sample.rssBytes)} MB`);
  };
  const soaked = await soak(requests, show);
  const { gainBytes, endBytes } = trend(soaked.samples);
  const isFlat = gainBytes < flatPart * endBytes;
  const rate = soaked.requests / soaked.seconds;
  console.log(
    `${soaked.requests} requests in ${soaked.seconds.toFixed(0)} s (${rate.toFixed(0)}/s), ${soaked.wrong.length} wrong`,
  );
  console.log(
    `after the first third ${mb(gainBytes)} MB gained, ${mb(endBytes)} MB at the end: ${isFlat ? "flat" : "NOT FLAT"}`,
  );
  for (const line of soaked.wrong.slice(0, 10)) console.log(line);
  process.exitCode = isFlat && soaked.wrong.length === 0 ? 0 : 1;
}

await main();
