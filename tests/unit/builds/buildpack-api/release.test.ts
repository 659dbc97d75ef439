import { expect, test } from "vitest";
import { mergeProcesses, parseLaunch, parseRelease } from "../../../../server/builds/buildpack-api/release.ts";
import type { ProcessType } from "../../../../server/core/ids.ts";

function processesOf(text: string): string {
  const parsed = parseRelease(text);
  if (!parsed.ok) return `! ${parsed.problem}`;
  return parsed.release.processes.map(({ type, command }) => `${type}=${command}`).join(";");
}

test.each([
  ["", ""],
  ["---\n", ""],
  ["--- {}", ""],
  ["---\ndefault_process_types:\n  web: node x.js\n  worker: w\n", "web=node x.js;worker=w"],
  ["addons: []\ndefault_process_types: {web: 'a: b'}", "web=a: b"],
  ["default_process_types:\n", ""],
  ["default_process_types:\n  web: ''\n", ""],
  ["default_process_types:\n  web: 7\n", "web=7"],
  ["Release: Doing nothing!", ""],
  ["default_process_types:\n  web: |\n    a\n    b\n", "web=a\nb"],
])("%j says how to start", (text, expected) => {
  expect(processesOf(text)).toBe(expected);
});

test.each([
  ["just words", "it is not a mapping"],
  ["- a\n- b", "it is not a mapping"],
  ["default_process_types:\n  - web\n", '"default_process_types" is not right'],
  ["default_process_types:\n  web: [a]\n", '"default_process_types.web" is not right'],
  ["default_process_types:\n  'bad type': x\n", '"bad type" is not'],
  ["a: b: c", ""],
  ["\tx", ""],
  ["a: &a [1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]", ""],
])("%j is refused", (text, problem) => {
  const parsed = parseRelease(text);
  expect(parsed.ok ? "it was read" : `refused: ${parsed.problem}`).toContain(`refused: ${problem}`);
});

test("config_vars are defaults of the run time, add-ons are told apart", () => {
  expect(parseRelease("config_vars: {A: x, 'b-c': y, N: 1}\naddons:\n  - postgres\n")).toEqual({
    ok: true,
    release: { processes: [], env: { A: "x", N: "1" }, addons: ["postgres"] },
  });
});

test("launch.yml lists processes", () => {
  const parsed = parseLaunch("processes:\n- type: web\n  command: run me\n  platforms: {}\n");
  expect(parsed).toMatchObject({ ok: true, release: { processes: [{ type: "web", command: "run me" }] } });
  expect(parseLaunch("processes: {web: x}")).toMatchObject({ ok: false });
});

test("later processes win type by type", () => {
  const of = (type: string, command: string) => ({ type: type as ProcessType, command });
  expect(mergeProcesses([of("web", "a"), of("worker", "b")], [of("web", "c")])).toEqual([
    of("web", "c"),
    of("worker", "b"),
  ]);
});
