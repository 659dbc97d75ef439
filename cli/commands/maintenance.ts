import type { Context } from "../context.ts";
import { usageError } from "../failure.ts";
import { readAll } from "../io.ts";
import { table } from "../output/table.ts";
import type { Verb } from "../verb.ts";
import { toMs } from "./policy-flags.ts";

type Page = { readonly html: string } | { readonly url: string };

const maintenance: Verb = {
  name: "maintenance",
  summary: "show or switch maintenance mode: all requests of the app get a 503 page",
  args: ["[state]"],
  hasApp: true,
  hasJson: true,
  options: [
    ["--page <file>", "HTML file (- for the standard input) or address of a page to show"],
    ["--no-page", "the router's own page again"],
  ],
  examples: ["paas maintenance on -a shop", "paas maintenance on --page sorry.html -a shop", "paas maintenance off"],
  async run(context, input) {
    const param = { app: await context.app(input) };
    const state = input.optionalArg(0);
    if (state !== undefined && state !== "on" && state !== "off") {
      throw usageError(`"${state}" is neither on nor off.`, "Write it like: paas maintenance on -a shop");
    }
    if (state === undefined) {
      const view = await context.client.call("get", "/v1/apps/:app/maintenance", { param });
      context.show(input, view, () => [`Maintenance mode of ${param.app} is ${view.on ? "on" : "off"}`]);
      return;
    }
    const file = input.option("page");
    const page = input.isOff("page") ? null : file === undefined ? undefined : await readPage(context, file);
    const json = { on: state === "on", ...(page === undefined ? {} : { page }) };
    const view = await context.client.call("put", "/v1/apps/:app/maintenance", { param, json });
    context.show(input, view, () => [`Maintenance mode of ${param.app} is ${state}`]);
  },
};

const errors: Verb = {
  name: "errors",
  summary: "list the app's own error pages",
  hasApp: true,
  hasJson: true,
  examples: ["paas errors -a shop"],
  async run(context, input) {
    const app = await context.app(input);
    const pages = await context.client.call("get", "/v1/apps/:app/errors", { param: { app } });
    context.show(input, pages, () => {
      const entries = Object.entries(pages);
      if (entries.length === 0) return [`${app} has no error pages. Set one with: paas errors:set 5xx sorry.html`];
      const rows = entries.map(([code, page]) => [
        code,
        "url" in page ? page.url : `HTML, ${page.html.length} characters`,
      ]);
      return table(["FOR", "PAGE"], rows);
    });
  },
};

const setError: Verb = {
  name: "errors:set",
  summary: "show a page of your own when the router has to answer itself",
  args: ["<code>", "<page>"],
  hasApp: true,
  examples: [
    "paas errors:set 5xx sorry.html -a shop",
    "paas errors:set H12 https://status.example.test/slow -a shop",
    "paas errors:set default - -a shop < sorry.html",
  ],
  async run(context, input) {
    const param = { app: await context.app(input), code: input.arg(0) };
    const json = await readPage(context, input.arg(1));
    await context.client.call("put", "/v1/apps/:app/errors/:code", { param, json });
    context.print(`Set the page for ${param.code} of ${param.app}`);
  },
};

const unsetError: Verb = {
  name: "errors:unset",
  summary: "show the router's own page again",
  args: ["<code>"],
  hasApp: true,
  examples: ["paas errors:unset 5xx -a shop"],
  async run(context, input) {
    const param = { app: await context.app(input), code: input.arg(0) };
    await context.client.call("delete", "/v1/apps/:app/errors/:code", { param });
    context.print(`Removed the page for ${param.code} of ${param.app}`);
  },
};

const hold: Verb = {
  name: "hold",
  summary: "let requests of the app wait at the router, so long or until it is switched off",
  args: ["<time>"],
  hasApp: true,
  hasJson: true,
  examples: ["paas hold 30s -a shop", "paas hold off -a shop"],
  async run(context, input) {
    const param = { app: await context.app(input) };
    const time = input.arg(0);
    const json = time === "off" ? {} : { forMs: toMs(time) };
    const result = await context.client.call("put", "/v1/apps/:app/hold", { param, json });
    context.show(input, result, () => [
      result.until === undefined
        ? `Requests of ${param.app} go on`
        : `Requests of ${param.app} wait until ${new Date(result.until).toISOString()} at most`,
    ]);
  },
};

export const maintenanceVerbs: readonly Verb[] = [maintenance, errors, setError, unsetError, hold];

/** An address as it is, the standard input, or a file of the caller's machine. */
async function readPage(context: Context, place: string): Promise<Page> {
  if (/^https?:\/\//.test(place)) return { url: place };
  if (place === "-") return { html: await readAll(context.io.stdin) };
  const html = context.local.readFile(place);
  if (html !== undefined) return { html };
  throw usageError(`The page ${place} cannot be read.`, "Give an HTML file, or an address: https://…");
}
