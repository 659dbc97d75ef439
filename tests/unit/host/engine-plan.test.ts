import { describe, expect, test } from "vitest";
import {
  type EngineState,
  type HostFacts,
  isApiEnough,
  isDebianLike,
  planEngine,
} from "../../../server/host/engine-plan.ts";

const up: EngineState = {
  kind: "up",
  version: "20.10.24",
  apiVersion: "1.41",
  storageDriver: "overlay2",
  dataDir: "/var/lib/docker",
  isLocal: true,
};
const absent: EngineState = { kind: "absent", address: "/var/run/docker.sock", cause: "ENOENT" };
const fresh: HostFacts = {
  isRoot: true,
  isDebianLike: true,
  engineInstalled: false,
  systemd: false,
  dockerHost: undefined,
};

describe("the way to an engine", () => {
  test("one that answers is used", () => {
    expect(planEngine(up, fresh)).toEqual({ kind: "use", engine: up });
  });

  test("one that is too old is not used", () => {
    const plan = planEngine({ ...up, version: "19.03.1", apiVersion: "1.40" }, fresh);
    expect(plan).toMatchObject({ kind: "manual", hint: expect.stringContaining("Upgrade") });
  });

  test("root on Debian installs one, and starts it by what the machine has", () => {
    expect(planEngine(absent, fresh)).toEqual({ kind: "install", start: "direct" });
    expect(planEngine(absent, { ...fresh, systemd: true })).toEqual({ kind: "install", start: "systemd" });
  });

  test("one that is installed but does not run is started", () => {
    expect(planEngine(absent, { ...fresh, engineInstalled: true })).toEqual({ kind: "start", start: "direct" });
  });

  test.each<[string, EngineState, Partial<HostFacts>, string]>([
    ["a user who is not root", absent, { isRoot: false }, "sudo paas doctor --fix"],
    ["a user who is not root, engine installed", absent, { isRoot: false, engineInstalled: true }, "Start it as root"],
    ["another distribution", absent, { isDebianLike: false }, "Install Docker Engine"],
    ["DOCKER_HOST that does not answer", absent, { dockerHost: "tcp://far:2375" }, "DOCKER_HOST"],
    ["a socket that may not be used", { kind: "denied", address: "/s" }, { isRoot: false }, "usermod -aG docker"],
  ])("%s is told what to do, and nothing is installed", (_name, state, facts, hint) => {
    expect(planEngine(state, { ...fresh, ...facts })).toMatchObject({
      kind: "manual",
      hint: expect.stringContaining(hint),
    });
  });
});

test("API versions are compared as numbers", () => {
  expect(["1.41", "1.50", "1.100", "2.0"].map(isApiEnough)).toEqual([true, true, true, true]);
  expect(["1.40", "1.9", "0.99"].map(isApiEnough)).toEqual([false, false, false]);
});

test("Debian, Ubuntu and what is derived from them are recognised", () => {
  expect(isDebianLike('NAME="Debian GNU/Linux"\nID=debian\n')).toBe(true);
  expect(isDebianLike('ID=linuxmint\nID_LIKE="ubuntu debian"\n')).toBe(true);
  expect(isDebianLike('ID="rhel"\nID_LIKE="fedora"\nHOME_URL="https://debian"\n')).toBe(false);
});
