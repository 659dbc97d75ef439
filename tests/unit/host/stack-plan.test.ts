import { expect, test } from "vitest";
import { bootstrapArgv } from "../../../server/host/bootstrap.ts";
import { planStack } from "../../../server/host/stack-plan.ts";

const mirror = { archive: "http://m/debian", security: undefined };
const ca = { path: "office.crt", content: "PEM" };

test("the same inputs make the same stack", () => {
  expect(planStack(mirror, [ca])).toEqual(planStack({ ...mirror }, [{ ...ca }]));
  expect(planStack(mirror, []).id).toMatch(/^[0-9a-f]{12}$/);
});

test("another mirror or another certificate makes another stack", () => {
  const ids = [
    planStack(mirror, []),
    planStack({ ...mirror, archive: "http://n/debian" }, []),
    planStack({ ...mirror, security: "http://m/sec" }, []),
    planStack(mirror, [ca]),
    planStack(mirror, [{ ...ca, content: "OTHER" }]),
  ].map((plan) => plan.id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("the images build on each other, all named after the id", () => {
  const plan = planStack(mirror, []);
  expect(plan.runDockerfile).toMatch(new RegExp(`^FROM ${plan.baseImage}\n`));
  expect(plan.buildDockerfile).toMatch(new RegExp(`^FROM ${plan.runImage}\n`));
  expect(plan.buildImage).toBe(`paas/stack-build:debian-13-${plan.id}`);
});

test("the machine's own certificates are put where update-ca-certificates finds them", () => {
  const plan = planStack(mirror, [ca]);
  expect(plan.files).toContainEqual({ path: "usr/local/share/ca-certificates/office.crt", content: "PEM" });
  expect(plan.runDockerfile).toContain("update-ca-certificates");
});

test("mmdebstrap gets the tar file before the sources", () => {
  const argv = bootstrapArgv(["deb http://m/debian trixie main"], "/var/tmp/x/root.tar");
  expect(argv[0]).toBe("mmdebstrap");
  expect(argv.slice(-3)).toEqual(["trixie", "/var/tmp/x/root.tar", "deb http://m/debian trixie main"]);
});
