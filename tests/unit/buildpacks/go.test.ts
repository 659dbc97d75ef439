import { describe, expect, test } from "vitest";
import { parseModFile, programName } from "../../../buildpacks/go/modfile.ts";
import { buildCommands, commandsOf, type Files, goodPlan, refusalOf } from "./planning.ts";

const main = "// Package main serves.\npackage main\n";
const required = "module example.test/shop\n\ngo 1.24\n\nrequire github.com/google/uuid v1.6.0\n";

describe("go.mod", () => {
  test("is read with comments, blocks and replacements", () => {
    const text = `module example.test/shop/v2 // ours
// +heroku install ./cmd/... ./tool
go 1.25.1
toolchain go1.26.0
require (
	a.test/x v1.0.0 // indirect
)
replace (
	a.test/x => ./lib/x
	a.test/y v1.0.0 => ../y
	a.test/z => b.test/z v1.2.3
)
`;
    expect(parseModFile(text)).toEqual({
      module: "example.test/shop/v2",
      go: "1.25.1",
      toolchain: "1.26.0",
      hasRequirements: true,
      localReplacements: ["./lib/x", "../y"],
      installs: ["./cmd/...", "./tool"],
    });
    expect(parseModFile("module x\n\nrequire (\n)\n")).toMatchObject({ go: undefined, hasRequirements: false });
  });

  test.each([
    ["example.test/shop", "shop"],
    ["example.test/shop/v2", "shop"],
    ["shop", "shop"],
    ["v2", "v2"],
    ["cmd/api", "api"],
  ])("of %s gives the program %s", (module, name) => {
    expect(programName(module)).toBe(name);
  });
});

describe("a Go app", () => {
  test("fetches its modules in a layer of the build alone, and is built on every push", () => {
    const plan = goodPlan({ "go.mod": required, "go.sum": "", "main.go": main });
    expect(plan.layers.map((l) => [l.name, l.files, l.launch])).toEqual([["modules", ["go.mod", "go.sum"], false]]);
    expect(commandsOf(plan, "modules")).toEqual(["install -d -o 1000 -g 1000 /opt/go /opt/go/mod", "go mod download"]);
    expect(buildCommands(plan)).toEqual(["mkdir -p bin", "go build -tags heroku -o bin/ ."]);
    expect(plan.processes).toEqual([{ type: "web", command: "bin/shop" }]);
  });

  test("needs no layer without modules to fetch", () => {
    expect(goodPlan({ "go.mod": "module x\n\ngo 1.22\n", "main.go": main }).layers).toEqual([]);
    expect(goodPlan({ "go.mod": required, "vendor/modules.txt": "", "main.go": main }).layers).toEqual([]);
  });

  test("gets the toolchain that it asks for", () => {
    const plan = goodPlan({ "go.mod": "module x\n\ngo 1.25\ntoolchain go1.26.1\n", "main.go": main });
    expect([plan.runtime, commandsOf(plan, "toolchain").at(-1)]).toEqual(["go 1.26.1", "go version"]);
    expect(plan.layers.map((layer) => layer.name)).toEqual(["toolchain"]);
    expect(plan.build?.commands[1]?.env?.["GOTOOLCHAIN"]).toBe("auto");
  });

  test("has a process for each program when there are several", () => {
    const files = {
      "go.mod": "module x\n",
      "main.go": main,
      "cmd/api/main.go": main,
      "cmd/lib/lib.go": "package lib\n",
      "cmd/t/t_test.go": main,
    };
    const plan = goodPlan(files);
    expect(buildCommands(plan).at(-1)).toBe("go build -tags heroku -o bin/ . ./cmd/api");
    expect(plan.processes).toEqual([
      { type: "x", command: "bin/x" },
      { type: "api", command: "bin/api" },
    ]);
    expect(plan.notes).toEqual([
      "Several programs and none called web: to serve requests, commit a Procfile like: web: bin/x",
    ]);
    expect(goodPlan({ ...files, Procfile: "web: bin/api" }).notes).toEqual([]);
    expect(goodPlan({ ...files, "cmd/web/main.go": main }).notes).toEqual([]);
  });

  test("builds what Heroku's comment names", () => {
    const mod = "module x\n// +heroku install ./tools/... ./a\n";
    const files: Files = {
      "go.mod": mod,
      "main.go": main,
      "a/a.go": main,
      "tools/b/b.go": main,
      "tools/lib/l.go": "package lib\n",
    };
    expect(buildCommands(goodPlan(files)).at(-1)).toBe("go build -tags heroku -o bin/ ./tools/b ./a");
  });

  test("reads the manifests of modules that it replaces by its own folders", () => {
    const files = {
      "go.mod": `${required}replace a.test/x => ./lib/x\n`,
      "go.sum": "",
      "main.go": main,
      "lib/x/go.mod": "",
    };
    expect(goodPlan(files).layers[0]?.files).toEqual(["go.mod", "go.sum", "lib/x/go.mod"]);
  });
});

describe("a Go repository is refused", () => {
  test.each<readonly [string, Files, string]>([
    [
      "without go.sum",
      { "go.mod": required, "main.go": main },
      "go.mod lists modules, but there is no go.sum. | Run go mod tidy, commit go.sum and push again.",
    ],
    [
      "with a module outside",
      { "go.mod": "module x\nreplace a.test/x => ../x\n", "main.go": main },
      "go.mod replaces a module by ../x, which is outside of the repository. | Move it into the repository, or require a published version.",
    ],
    [
      "without a program",
      { "go.mod": "module x\n", "lib.go": "package lib\n" },
      "No main package was found at the top of the repository or in a folder of cmd/. | Put it there, or name it in go.mod with the comment: // +heroku install ./path/to/main",
    ],
  ])("%s", (_name, files, text) => {
    expect(refusalOf(files)).toBe(text);
  });
});

describe("a Go workspace", () => {
  const main = "package main\n";
  const files = {
    "go.work": "go 1.26.2\n\nuse (\n\t./api // serves\n\t./lib\n)\nuse ./tools\n",
    "api/go.mod": "module example.test/shop-api\n\ngo 1.24\n\nrequire example.test/x v1.0.0\n",
    "api/go.sum": "x",
    "api/main.go": main,
    "lib/go.mod": "module example.test/lib\n",
    "lib/lib.go": "package lib\n",
    "tools/go.mod": "module example.test/tools\n",
    "tools/cmd/load/main.go": main,
  };

  test("is built from all of its modules, with the newest toolchain that one asks for", () => {
    const plan = goodPlan(files);
    expect(plan.runtime).toBe("go 1.26.2");
    expect(plan.layers[1]?.files).toEqual(["api/go.mod", "api/go.sum", "lib/go.mod", "tools/go.mod", "go.work"]);
    expect(commandsOf(plan, "modules").at(-1)).toBe("go mod download");
    expect(buildCommands(plan).at(-1)).toBe("go build -tags heroku -o bin/ ./api ./tools/cmd/load");
    expect(plan.processes.map((p) => p.command)).toEqual(["bin/shop-api", "bin/load"]);
  });

  test.each<readonly [Files, string]>([
    [{ "go.work": "go 1.24\n" }, "go.work uses no module."],
    [{ "go.work": "use ./api\n" }, "go.work uses api, but there is no api/go.mod."],
    [{ "go.work": "use ../other\n" }, "go.work uses ../other, which is outside of the repository."],
  ])("like %j is refused", (broken, problem) => {
    expect(refusalOf(broken)).toContain(problem);
  });
});

describe("Heroku's goVersion comment", () => {
  const withComment = (version: string): Files => ({
    "go.mod": `// +heroku goVersion ${version}\nmodule x\n\ngo 1.23\n`,
    "main.go": "package main\n",
  });

  test("names a release exactly", () => {
    const plan = goodPlan(withComment("go1.25.3"));
    expect([plan.runtime, plan.build?.commands[1]?.env?.["GOTOOLCHAIN"]]).toEqual(["go 1.25.3", "go1.25.3+auto"]);
  });

  test("of an older line is built with the stack's, which is said", () => {
    const plan = goodPlan(withComment("go1.22"));
    expect([plan.runtime, plan.notes[0]]).toEqual([
      "go 1.24",
      "+heroku goVersion says 1.22: built with Go 1.24, which builds what was written for it.",
    ]);
  });

  test("of a newer line needs the patch number", () => {
    expect(refusalOf(withComment("go1.26"))).toContain("Name one with its patch number, like go1.26.1");
  });
});
