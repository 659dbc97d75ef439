import { describe, expect, test } from "vitest";
import { buildpacks } from "../../../buildpacks/index.ts";
import { decide } from "../../../server/builds/detect.ts";
import { memorySource } from "../../../server/builds/source-view.ts";

function decided(files: readonly string[], builder?: string) {
  const source = memorySource(Object.fromEntries(files.map((file) => [file, ""])));
  return decide(source, { buildpacks, builder });
}

function nameOf(files: readonly string[], builder?: string): string {
  const decision = decided(files, builder);
  return decision.kind === "buildpack" ? decision.buildpack.name : decision.kind;
}

function hintOf(files: readonly string[]): string {
  const decision = decided(files);
  return decision.kind === "nothing" ? decision.hint : decision.kind;
}

describe("the builder", () => {
  test.each([
    [["Dockerfile", "package.json"], "dockerfile"],
    [["package.json", "requirements.txt"], "node"],
    [["package.json", "index.html"], "node"],
    [["Staticfile", "package.json"], "static"],
    [["requirements.txt", "go.mod"], "python"],
    [["go.mod", "index.html"], "go"],
    [["index.html", "Procfile"], "static"],
    [["public/index.html"], "static"],
    [["dist/index.html"], "static"],
    [["Procfile"], "procfile"],
    [["manage.py"], "python"],
    [["Gemfile", "package.json"], "ruby"],
    [["pom.xml"], "java"],
    [["gradlew", "build.gradle.kts"], "java"],
    [["composer.json"], "php"],
    [["index.php", "index.html"], "php"],
    [["Cargo.toml", "index.html"], "rust"],
    [["Shop.csproj", "Procfile"], "procfile"],
  ])("of %j is %s", (files, name) => {
    expect(nameOf(files)).toBe(name);
  });

  test("is what the user chose, whatever else is there", () => {
    expect(nameOf(["Dockerfile", "package.json", "requirements.txt"], "python")).toBe("python");
    expect(nameOf(["Dockerfile", "package.json"], "dockerfile")).toBe("dockerfile");
  });

  test("says which other language was found", () => {
    expect(decided(["package.json", "requirements.txt", "index.html", "Procfile"])).toMatchObject({
      notes: [
        "Built as node; python was found too (requirements.txt). To have it: paas buildpacks:set python; both: paas buildpacks:set node, then buildpacks:add python",
      ],
    });
  });

  test("that does not exist is refused with the ones that do", () => {
    expect(decided(["package.json"], "cobol")).toEqual({
      kind: "nothing",
      reason: 'There is no builder called "cobol".',
      hint: "Choose one of: dockerfile, static, ruby, deno, node, python, java, php, go, rust, procfile.",
      details: [],
    });
  });

  test("set to dockerfile without a Dockerfile is refused", () => {
    expect(decided(["package.json"], "dockerfile")).toEqual({
      kind: "nothing",
      reason: "The builder is set to dockerfile, but there is no Dockerfile at the top of the repository.",
      hint: "Commit a Dockerfile, or choose another builder.",
      details: ["Seen: package.json"],
    });
  });
});

describe("when nothing matches", () => {
  test.each([
    ["Shop.csproj", ".NET"],
    ["Shop.sln", ".NET"],
    ["mix.exs", "Elixir"],
    ["build.sbt", "Scala"],
    ["shop.cabal", "Haskell"],
  ])("%s is recognised as %s, which has no buildpack", (file, language) => {
    expect(decided([file, "README.md"])).toMatchObject({
      reason: `This is a ${language} repository (${file}), and there is no buildpack for ${language}.`,
      hint: expect.stringContaining("Dockerfile") as unknown,
    });
  });

  test("what is supported and what was seen is said", () => {
    expect(decided(["README.md", "docs/a.md"])).toEqual({
      kind: "nothing",
      reason: "No buildpack matches this repository.",
      hint: "Add one of the files above, or a Procfile that says how to start the app.",
      details: [
        "Supported, by the files at the top of the repository:",
        "  dockerfile Dockerfile",
        "  static     Staticfile, static.json, index.html, public/index.html, dist/index.html, build/index.html, _site/index.html",
        "  ruby       Gemfile",
        "  deno       deno.json, deno.jsonc, deno.lock",
        "  node       package.json",
        "  python     requirements.txt, pyproject.toml, uv.lock, poetry.lock, Pipfile, Pipfile.lock, pdm.lock, setup.py, manage.py, environment.yml",
        "  java       pom.xml, build.gradle, build.gradle.kts, settings.gradle, settings.gradle.kts, gradlew",
        "  php        composer.json, index.php",
        "  go         go.mod, go.work",
        "  rust       Cargo.toml",
        "  procfile   Procfile",
        "Seen: README.md, docs/",
      ],
    });
  });

  test("an empty repository is called empty", () => {
    expect(decided([])).toMatchObject({
      reason: "The repository is empty.",
      hint: "Commit the app's files, then push again.",
    });
  });

  test("only the first names are shown", () => {
    const names = Array.from({ length: 25 }, (_, i) => `f${String(i).padStart(2, "0")}`);
    const decision = decided(names);
    expect(decision.kind === "nothing" && decision.details.at(-1)).toMatch(/^Seen: f00, .*, f19 and 5 more$/);
  });

  test.each([
    [["dockerfile"], '"dockerfile" looks like a misspelt "Dockerfile": rename it, commit and push again.'],
    [["Procfile.txt"], '"Procfile.txt" looks like a misspelt "Procfile": rename it, commit and push again.'],
    [["Package.json"], '"Package.json" looks like a misspelt "package.json": rename it, commit and push again.'],
    [["requirements"], '"requirements" looks like a misspelt "requirements.txt": rename it, commit and push again.'],
    [
      ["backend/requirements.txt", "README.md"],
      "The app seems to be in a folder: backend/ (python, requirements.txt). Push that folder alone: git subtree push --prefix backend paas main",
    ],
    [
      ["server/Dockerfile"],
      "The app seems to be in a folder: server/ (Dockerfile). Push that folder alone: git subtree push --prefix server paas main",
    ],
    [
      ["api/go.mod", "site/package.json", "node_modules/package.json", ".github/package.json"],
      "Apps were found in folders: api/ (go, go.mod); site/ (node, package.json). Push one of them: git subtree push --prefix api paas main",
    ],
  ])("%j gets a hint of its own", (files, hint) => {
    expect(hintOf(files)).toBe(hint);
  });
});
