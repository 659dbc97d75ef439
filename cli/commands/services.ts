import { usageError } from "../failure.ts";
import { readAll } from "../io.ts";
import { moment } from "../output/moment.ts";
import { pairs, table } from "../output/table.ts";
import type { Context } from "../context.ts";
import type { Verb, VerbGroup } from "../verb.ts";

const marketplace: Verb = {
  name: "marketplace",
  summary: "list the services that can be created, with their plans",
  hasJson: true,
  examples: ["paas marketplace"],
  async run(context, input) {
    const offerings = await context.client.call("get", "/v1/offerings", {});
    context.show(input, offerings, () => {
      const rows = offerings.flatMap((offering) =>
        offering.plans.map((plan) => [
          offering.name,
          offering.version,
          plan.name,
          `${plan.memoryMb} MB`,
          plan.description,
        ]),
      );
      return table(["OFFERING", "VERSION", "PLAN", "MEMORY", "DESCRIPTION"], rows);
    });
  },
};

const list: Verb = {
  name: "services",
  summary: "list the services and which apps they are bound to",
  hasJson: true,
  examples: ["paas services"],
  async run(context, input) {
    const services = await context.client.call("get", "/v1/services", {});
    context.show(input, services, () => {
      if (services.length === 0) return ["There are no services yet. See what there is with: paas marketplace"];
      const rows = services.map((service) => [
        service.name,
        service.offering,
        service.plan ?? "-",
        service.status,
        service.bindings.map(({ app }) => app).join(" ") || "-",
      ]);
      return table(["NAME", "OFFERING", "PLAN", "STATUS", "BOUND TO"], rows);
    });
  },
};

const info: Verb = {
  name: "service",
  summary: "show one service",
  args: ["<service>"],
  hasJson: true,
  examples: ["paas service db"],
  async run(context, input) {
    const service = await context.client.call("get", "/v1/services/:service", { param: { service: input.arg(0) } });
    context.show(input, service, () => [
      `=== ${service.name}`,
      "",
      ...pairs([
        ["Offering", service.offering],
        ["Plan", service.plan ?? "-"],
        ["Status", service.status],
        ["Space", service.space],
        ["Created", moment(service.createdAt, context.io.now())],
        ...service.bindings.map(({ app, envName }): [string, string] => [
          `Bound to ${app}`,
          envName ?? "VCAP_SERVICES",
        ]),
      ]),
    ]);
  },
};

const create: Verb = {
  name: "create-service",
  summary: "create a service from the marketplace",
  args: ["<offering>", "<plan>", "<name>"],
  hasJson: true,
  examples: ["paas create-service postgres small db"],
  async run(context, input) {
    const json = { offering: input.arg(0), plan: input.arg(1), name: input.arg(2) };
    const service = await context.client.job("post", "/v1/services", { json }, context.progress(input));
    context.show(input, service, () => [
      `Service ${json.name} is ${service.status}`,
      `Give it to an app with: paas bind-service APP ${json.name}`,
    ]);
  },
};

const createUserProvided: Verb = {
  name: "create-user-provided-service",
  aliases: ["cups"],
  summary: "name credentials of a service that runs elsewhere",
  args: ["<name>"],
  hasJson: true,
  options: [["-p, --credentials <json>", "a JSON object, @FILE, or - for standard input"]],
  examples: [
    `paas create-user-provided-service mail -p '{"uri":"smtp://user:secret@mail.example.test:587"}'`,
    "paas cups mail -p @mail.json",
  ],
  async run(context, input) {
    const credentials = parseCredentials(await readCredentials(context, input.option("credentials") ?? "{}"));
    const json = { name: input.arg(0), credentials };
    const service = await context.client.call("post", "/v1/user-provided-services", { json });
    context.show(input, service, () => [
      `Created service ${json.name}`,
      `Give it to an app with: paas bind-service APP ${json.name}`,
    ]);
  },
};

const bind: Verb = {
  name: "bind-service",
  aliases: ["bs"],
  summary: "give a service's credentials to an app; makes a release and rolls it out",
  args: ["<app>", "<service>"],
  examples: ["paas bind-service shop db"],
  async run(context, input) {
    const param = { app: input.arg(0), service: input.arg(1) };
    await context.client.job("put", "/v1/services/:service/bindings/:app", { param }, context.progress(input));
    context.print(`Bound ${param.service} to ${param.app}`);
  },
};

const unbind: Verb = {
  name: "unbind-service",
  aliases: ["us"],
  summary: "take a service's credentials away from an app; makes a release and rolls it out",
  args: ["<app>", "<service>"],
  examples: ["paas unbind-service shop db"],
  async run(context, input) {
    const param = { app: input.arg(0), service: input.arg(1) };
    await context.client.job("delete", "/v1/services/:service/bindings/:app", { param }, context.progress(input));
    context.print(`Unbound ${param.service} from ${param.app}`);
  },
};

const remove: Verb = {
  name: "delete-service",
  aliases: ["ds"],
  summary: "remove a service and its data for good",
  args: ["<service>"],
  options: [["--confirm <name>", "the service's name once more"]],
  examples: ["paas delete-service db --confirm db"],
  async run(context, input) {
    const service = input.arg(0);
    const confirm = input.option("confirm");
    const query = confirm === undefined ? {} : { confirm };
    await context.client.job("delete", "/v1/services/:service", { param: { service }, query }, context.progress(input));
    context.print(`Deleted service ${service}`);
  },
};

export const serviceVerbs: VerbGroup = {
  title: "Services",
  verbs: [marketplace, list, info, create, createUserProvided, bind, unbind, remove],
};

async function readCredentials(context: Context, given: string): Promise<string> {
  if (given === "-") return readAll(context.io.stdin);
  if (!given.startsWith("@")) return given;
  const text = context.local.readFile(given.slice(1));
  if (text === undefined)
    throw usageError(`There is no file ${given.slice(1)}.`, "Write @FILE with the path of a JSON file.");
  return text;
}

/** @throws CliError (usage) */
export function parseCredentials(text: string): Record<string, unknown> {
  const hint = `Write one JSON object: -p '{"uri":"smtp://mail.example.test:587"}'`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw usageError("The credentials are not valid JSON.", hint);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw usageError("The credentials are not a JSON object.", hint);
}
