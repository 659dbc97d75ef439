import type { AppDisk, DiskReport } from "../../server/api/disk-report.ts";
import { formatBytes } from "../../server/core/size.ts";
import type { Shown } from "../client.ts";
import { table } from "../output/table.ts";
import type { Verb, VerbGroup } from "../verb.ts";

type Report = Shown<DiskReport>;

const disk: Verb = {
  name: "disk",
  summary: "show what takes the engine's disk, and what the next clean-up removes",
  hasJson: true,
  examples: ["paas disk", "paas disk --json"],
  async run(context, input) {
    const report = await context.client.call("get", "/v1/disk", {});
    context.show(input, report, diskLines);
  },
};

const clean: Verb = {
  name: "disk:clean",
  summary:
    "remove now what is not needed: droplets beyond rollback, layers, steps and caches above the budget, older stacks",
  hasJson: true,
  options: [["-n, --dry-run", "only say what would go"]],
  examples: ["paas disk:clean --dry-run", "paas disk:clean"],
  async run(context, input) {
    if (input.flag("dryRun")) {
      const { going } = await context.client.call("get", "/v1/disk", {});
      return context.show(input, { going }, () => goingLines(going));
    }
    const result = await context.client.job("post", "/v1/disk/clean", {}, context.progress(input));
    if (input.flag("json")) context.show(input, result, () => []);
  },
};

export const diskVerbs: VerbGroup = { title: "Disk", verbs: [disk, clean] };

export function diskLines(report: Report): readonly string[] {
  const { budget, others } = report;
  return [
    ...spaceLines(report),
    `Layers and build caches: ${formatBytes(budget.usedBytes)} of a budget of ${formatBytes(budget.bytes)}`,
    "",
    ...table(["USED BY", "WHAT", "SIZE"], usedRows(report)),
    "",
    ...goingLines(report.going),
    `Never touched: ${others.imageCount} images (${formatBytes(others.imageBytes)}) and ${others.volumeCount} volumes (${formatBytes(others.volumeBytes)}) of others, BuildKit's cache of others (${formatBytes(others.buildCacheBytes)})`,
  ];
}

function spaceLines({ disk: space }: Report): readonly string[] {
  if (space === undefined) return ["The engine's disk cannot be seen from the daemon."];
  const { freeBytes, totalBytes, floorBytes } = space;
  return [
    `Engine's disk: ${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)}; builds leave ${formatBytes(floorBytes)} free`,
  ];
}

function usedRows(report: Report): readonly (readonly string[])[] {
  const { apps, services, layers, steps, fetched, stacks } = report;
  const current = stacks.filter((stack) => stack.isCurrent);
  const old = stacks.filter((stack) => !stack.isCurrent);
  const bytesOf = (list: Report["stacks"]) => formatBytes(list.reduce((sum, stack) => sum + stack.bytes, 0));
  return [
    ...apps.flatMap(appRows),
    ...services.map((service) => [`service ${service.name}`, "data", formatBytes(service.bytes)]),
    ["all apps", `${layers.count} layers`, formatBytes(layers.bytes)],
    ["all apps", `${steps.count} steps of Dockerfiles`, formatBytes(steps.bytes)],
    ["all apps", `${fetched.count} fetched sources, buildpacks`, formatBytes(fetched.bytes)],
    ["all apps", "stack and service images", bytesOf(current)],
    ...(old.length > 0 ? [["", `${old.length} images of older stacks`, bytesOf(old)]] : []),
  ];
}

function appRows(app: AppDisk): readonly (readonly string[])[] {
  const parts = [
    [`${app.droplets.count} droplets`, app.droplets.bytes],
    ["build cache", app.cacheBytes],
    ["repository", app.repositoryBytes],
    ["logs", app.logBytes],
    ["build output", app.buildOutputBytes],
  ] as const;
  return parts.map(([what, bytes], index) => [index === 0 ? `app ${app.app}` : "", what, formatBytes(bytes)]);
}

function goingLines(going: Report["going"]): readonly string[] {
  if (going.length === 0) return ["Nothing has to go."];
  const bytes = going.reduce((sum, one) => sum + one.bytes, 0);
  return [
    `The next clean-up removes ${formatBytes(bytes)} (now: paas disk:clean):`,
    ...going.map((one) => `  ${one.what}, ${formatBytes(one.bytes)}: ${one.why}`),
  ];
}
