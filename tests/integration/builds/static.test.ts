import { afterAll, expect, test } from "vitest";
import { buildpacks } from "../../../buildpacks/index.ts";
import { BuildHarness, type SourceFiles } from "../../support/build-harness.ts";

const harness = new BuildHarness({ buildpacks });
afterAll(() => harness[Symbol.asyncDispose]());

/** Builds the files, starts nginx in them and answers what the requests print, one line each. */
async function asked(files: SourceFiles, requests: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { result, lines } = await harness.build(harness.app(), await harness.source(files));
  if (!result.ok) throw new Error([result.reason, ...lines].join("\n"));
  const [web] = result.droplet.processes;
  const show = "curl -s -o /tmp/body -w '%{http_code} %{redirect_url} ' --retry 20 --retry-delay 1 --retry-connrefused";
  const script = `${web?.command} >/dev/null & ${requests.map((r) => `${show} ${r}; head -n1 /tmp/body | tr -d "\\r\\n"; echo`).join("; ")}`;
  const output = await harness.run(result.droplet.imageId, ["bash", "-c", script], { PORT: "8080", ...env });
  return output.split("\n").map((line) => line.trimEnd());
}

const at = (target: string, ...flags: readonly string[]) => `${flags.join(" ")} http://localhost:8080${target}`;

test("a Staticfile's keys do what they say", async () => {
  const files = {
    Staticfile: "root: site\npushstate: enabled\nssi: enabled\nforce_https: true\nstatus_codes:\n  403: /403.html\n",
    // The password is "secret".
    "Staticfile.auth": "ann:{PLAIN}secret\n",
    "site/index.html": "app",
    "site/a.html": '<!--# include virtual="/part.html" -->!',
    "site/part.html": "included",
    "site/.secret": "no",
  };
  const ann = "-u ann:secret";
  expect(
    await asked(files, [
      at("/", ann),
      at("/no/such/page", ann),
      at("/a.html", ann),
      at("/.secret", ann),
      at("/"),
      at("/a?b=c", ann, "-H 'X-Forwarded-Proto: http'", "-H 'Host: a.test'"),
    ]),
  ).toEqual([
    "200  app",
    "200  app",
    "200  included!",
    expect.stringMatching(/^404 /),
    expect.stringMatching(/^401 /),
    expect.stringMatching(/^301 https:\/\/a\.test\/a\?b=c /),
  ]);
});

test("a static.json's keys do what they say", async () => {
  const settings = {
    root: "site",
    clean_urls: true,
    basic_auth: true,
    error_page: "oops.html",
    routes: { "/app/**": "app.html" },
    redirects: { "/from": { url: "/to?a=$b", status: 302 } },
    headers: { "/": { "X-A": 'say "hi" $you' } },
  };
  const files = {
    "static.json": JSON.stringify(settings),
    "site/index.html": "home",
    "site/about.html": "about",
    "site/app.html": "app",
    "site/oops.html": "oops",
  };
  const env = { BASIC_AUTH_USERNAME: "ann", BASIC_AUTH_PASSWORD: "pass word" };
  const ann = "-u 'ann:pass word'";
  const answers = await asked(
    files,
    [
      at("/about", ann),
      at("/app/x/y", ann),
      at("/nothing", ann),
      at("/from", ann),
      `${at("/", ann, "-D -")} | grep -i x-a`,
    ],
    env,
  );
  expect(answers.slice(0, 3)).toEqual(["200  about", "200  app", "404  oops"]);
  expect(answers[3]).toMatch(/^302 http:\/\/\S+:8080\/to\?a=\$b /);
  expect(answers.join("\n")).toMatch(/x-a: say "hi" \$you/i);
});
