import { usageError } from "../failure.ts";
import { table } from "../output/table.ts";
import type { Input, Verb, VerbGroup } from "../verb.ts";

const limits: Verb = {
  name: "limits",
  summary: "show memory and CPU limits per process type",
  hasApp: true,
  hasJson: true,
  examples: ["paas limits -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const formation = await context.client.call("get", "/v1/apps/:app/formation", { param: { app } });
    context.show(input, formation, () => {
      if (formation.length === 0) return [`${app} has no process types yet. Deploy it with: git push paas main`];
      const rows = formation.map(({ type, memoryMb, cpus }) => [type, `${memoryMb} MB`, String(cpus)]);
      return table(["PROCESS", "MEMORY", "CPUS"], rows);
    });
  },
};

const setLimits: Verb = {
  name: "limits:set",
  summary: "change the limits of one process type and start its instances anew",
  args: ["<type>"],
  hasApp: true,
  options: [
    ["--memory <size>", "of one instance: 512M, 1G"],
    ["--cpus <number>", "of one instance: 0.5, 2"],
  ],
  examples: ["paas limits:set web --memory 512M --cpus 0.5 -a shop"],
  async run(context, input) {
    const json = toLimits(input);
    const param = { app: await context.app(input), type: input.arg(0) };
    await context.client.job("patch", "/v1/apps/:app/limits/:type", { param, json }, context.progress(input));
    context.print(`Changed the limits of ${param.type}`);
  },
};

const checks: Verb = {
  name: "checks",
  summary: "show when an instance counts as up, per process type",
  hasApp: true,
  hasJson: true,
  examples: ["paas checks -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const found = await context.client.call("get", "/v1/apps/:app/checks", { param: { app } });
    context.show(input, found, () => {
      const entries = Object.entries(found);
      if (entries.length === 0)
        return [`${app} has the defaults. Change them with: paas checks:set web --path /health`];
      const rows = entries.map(([type, { path, bootTimeoutMs, settleMs }]) => [
        type,
        path ?? (type === "web" ? "(accepts on its port)" : "(stays up)"),
        `${bootTimeoutMs / 1000} s`,
        `${settleMs / 1000} s`,
      ]);
      return table(["PROCESS", "PATH", "BOOT TIMEOUT", "SETTLE"], rows);
    });
  },
};

const setChecks: Verb = {
  name: "checks:set",
  summary: "change when an instance counts as up",
  args: ["<type>"],
  hasApp: true,
  options: [
    ["--path <path>", "must answer 2xx or 3xx: /health"],
    ["--no-path", "only the port must accept"],
    ["--boot-timeout <seconds>", "time to become healthy"],
    ["--settle <seconds>", "time to stay up afterwards"],
  ],
  examples: ["paas checks:set web --path /health --boot-timeout 90 -a shop", "paas checks:set web --no-path"],
  async run(context, input) {
    const json = toChecks(input);
    const param = { app: await context.app(input), type: input.arg(0) };
    await context.client.job("patch", "/v1/apps/:app/checks/:type", { param, json }, context.progress(input));
    context.print(`Changed the checks of ${param.type}`);
  },
};

const strategies = ["rolling", "recreate"] as const;

const strategy: Verb = {
  name: "strategy",
  summary: "show or choose how a deploy replaces instances: rolling (beside the old), recreate (only after them)",
  args: ["[strategy]"],
  hasApp: true,
  hasJson: true,
  examples: ["paas strategy -a shop", "paas strategy recreate -a shop"],
  async run(context, input) {
    const param = { app: await context.app(input) };
    const given = input.optionalArg(0);
    const wanted = strategies.find((one) => one === given);
    if (given !== undefined && wanted === undefined) {
      throw usageError(`"${given}" is no strategy.`, "Write rolling or recreate: paas strategy recreate -a shop");
    }
    const view =
      wanted === undefined
        ? await context.client.call("get", "/v1/apps/:app/strategy", { param })
        : await context.client.call("put", "/v1/apps/:app/strategy", { param, json: { strategy: wanted } });
    context.show(input, view, () => [`Deploys of ${param.app} are ${view.strategy}`]);
  },
};

export const settingVerbs: VerbGroup = {
  title: "Limits and checks",
  verbs: [limits, setLimits, checks, setChecks, strategy],
};

/** @throws CliError (usage) */
function toLimits(input: Input) {
  const memory = input.option("memory");
  const cpus = input.option("cpus");
  if (memory === undefined && cpus === undefined) {
    throw usageError("No limit is given.", "Write --memory 512M, --cpus 0.5 or both.");
  }
  return {
    ...(memory === undefined ? {} : { memoryMb: parseMemory(memory) }),
    ...(cpus === undefined ? {} : { cpus: parseDecimal(cpus, "a number of CPUs", "--cpus 0.5") }),
  };
}

/** `512`, `512M`, `1.5G` as MB. @throws CliError (usage) */
export function parseMemory(raw: string): number {
  const [, number, unit] = /^([0-9]+(?:\.[0-9]+)?)(?:(m|g)(?:i?b)?)?$/i.exec(raw) ?? [];
  const megabytes = Number(number) * (unit?.toLowerCase() === "g" ? 1024 : 1);
  if (Number.isInteger(megabytes) && megabytes > 0) return megabytes;
  throw usageError(`"${raw}" is not an amount of memory.`, "Write it like 512M or 1G.");
}

/** @throws CliError (usage) */
function toChecks(input: Input) {
  const path = input.isOff("path") ? null : input.option("path");
  const bootTimeout = input.option("bootTimeout");
  const settle = input.option("settle");
  if (path === undefined && bootTimeout === undefined && settle === undefined) {
    throw usageError("No check is given.", "Write --path /health, --boot-timeout 90 or --settle 5.");
  }
  return {
    ...(path === undefined ? {} : { path }),
    ...(bootTimeout === undefined ? {} : { bootTimeoutMs: toMs(bootTimeout, "--boot-timeout 90") }),
    ...(settle === undefined ? {} : { settleMs: toMs(settle, "--settle 5") }),
  };
}

function toMs(seconds: string, example: string): number {
  return Math.round(parseDecimal(seconds.replace(/s$/, ""), "a number of seconds", example) * 1000);
}

function parseDecimal(raw: string, what: string, example: string): number {
  if (/^[0-9]{1,6}(\.[0-9]{1,3})?$/.test(raw)) return Number(raw);
  throw usageError(`"${raw}" is not ${what}.`, `Write it like: ${example}`);
}
