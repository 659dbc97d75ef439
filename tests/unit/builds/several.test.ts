import { expect, test } from "vitest";
import { joinPlans, withoutStart } from "../../../server/builds/several.ts";
import { memorySource } from "../../../server/builds/source-view.ts";
import { web } from "../../../server/core/ids.ts";
import { node } from "../../../buildpacks/node/plan.ts";
import { python } from "../../../buildpacks/python/plan.ts";
import { available } from "../buildpacks/planning.ts";
import { shell, testLayer, testPlan } from "../../support/plans.ts";

test("plans run one after the other, and the last says how the app starts", () => {
  const step = (name: string) => ({ title: name, files: [], commands: [shell(name)] });
  const one = testPlan({
    buildpack: "node",
    layers: [testLayer("runtime")],
    build: step("a"),
    env: { A: "1", B: "1" },
    path: ["/one"],
    system: { build: ["x"], run: ["y"] },
  });
  const two = testPlan({
    buildpack: "python",
    layers: [testLayer("runtime")],
    build: step("b"),
    env: { B: "2" },
    path: ["/two"],
    processes: [{ type: web, command: "second" }],
    system: { build: ["x"], run: ["z"] },
  });
  expect(joinPlans([one, two])).toMatchObject({
    buildpack: "node and python",
    layers: [{ name: "runtime" }, { name: "runtime" }],
    build: { title: "a, then b", commands: one.build?.commands.concat(two.build?.commands ?? []) },
    env: { A: "1", B: "2" },
    path: ["/two", "/one"],
    processes: [{ type: "web", command: "second" }],
    system: { build: ["x"], run: ["y", "z"] },
  });
  expect(joinPlans([])).toBeUndefined();
});

test("one that is not the last need not say how the app starts", () => {
  const source = memorySource({
    "package.json": '{"engines":{"node":"24.x"},"scripts":{"build":"vite build"},"devDependencies":{"vite":"^7"}}',
    "requirements.txt": "flask\ngunicorn\n",
    "app.py": "app = Flask(__name__)\n",
  });
  const plans = [node.plan(withoutStart(source), available), python.plan(source, available)];
  const joined = joinPlans(plans.flatMap((p) => (p.ok ? [p.plan] : [])));
  expect(joined?.layers.map((l) => l.name)).toEqual(["runtime", "dependencies", "dependencies"]);
  expect(joined?.processes.map((p) => p.command)).toEqual([expect.stringContaining("gunicorn")]);
});
