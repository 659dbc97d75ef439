import { expect, test } from "vitest";
import { type BuildpackSources, chooseBuildpacks } from "../../../../server/builds/buildpack-api/choose.ts";

const nobody: BuildpackSources = {
  setting: [],
  configVar: undefined,
  file: undefined,
  appJson: [],
  hasDockerfile: false,
};
const all: BuildpackSources = {
  setting: ["./setting"],
  configVar: "./variable",
  file: "./file\n",
  appJson: ["./json"],
  hasDockerfile: true,
};

function chosen(sources: Partial<BuildpackSources>): string {
  const choice = chooseBuildpacks({ ...nobody, ...sources }, ["node", "python"]);
  if (choice.kind === "list") return `${choice.from}: ${choice.references.map((r) => r.text).join(" ")}`;
  if (choice.kind === "invalid") return choice.reason;
  return choice.kind;
}

test("the app's list goes before BUILDPACK_URL, that before .buildpacks, a Dockerfile before app.json", () => {
  expect(chosen(all)).toBe("paas buildpacks: ./setting");
  expect(chosen({ ...all, setting: [] })).toBe("the config var BUILDPACK_URL: ./variable");
  expect(chosen({ ...all, setting: [], configVar: " " })).toBe(".buildpacks: ./file");
  expect(chosen({ ...all, setting: [], configVar: "", file: "# none\n" })).toBe("detect");
  expect(chosen({ appJson: ["./json"] })).toBe("app.json: ./json");
  expect(chosen({})).toBe("detect");
});

test("that app.json gives way to a Dockerfile is said", () => {
  const choice = chooseBuildpacks({ ...nobody, appJson: ["heroku/nodejs"], hasDockerfile: true }, ["node"]);
  expect(choice).toMatchObject({ kind: "detect", notes: [expect.stringContaining("the Dockerfile goes first")] });
});

test("dockerfile alone is a choice too", () => {
  expect(chosen({ setting: ["dockerfile"] })).toBe("dockerfile");
});

test("a wrong entry is named with its place", () => {
  expect(chosen({ file: "./a\n\ncobol\n" })).toMatch(/^\.buildpacks line 3: There is no built-in buildpack "cobol"/);
  expect(chosen({ appJson: ["./a", "../b"] })).toMatch(/^app\.json: buildpacks\[1\]: "\.\.\/b" leads out/);
  expect(chosen({ file: "./a\n./a\n" })).toBe('.buildpacks line 2: "./a" is named twice.');
});
