import { describe, expect, test } from "vitest";
import {
  diskCheck,
  engineCheck,
  gitCheck,
  memoryCheck,
  nodeCheck,
  portCheck,
  stackCheck,
  storageCheck,
} from "../../../server/host/checks.ts";
import type { HostFacts } from "../../../server/host/engine-plan.ts";
import { listeningInodes } from "../../../server/host/port-state.ts";
import { startTime } from "../../../server/host/lock.ts";
import { engineUp } from "../../support/host-fakes.ts";

const facts: HostFacts = {
  isRoot: true,
  isDebianLike: true,
  engineInstalled: true,
  systemd: false,
  dockerHost: undefined,
};
const absent = { kind: "absent", address: "/s", cause: "ENOENT" } as const;

describe("the checks", () => {
  test("a machine that has everything passes each", () => {
    const checks = [
      nodeCheck("v24.1.0"),
      gitCheck("git version 2.39.5", facts),
      engineCheck(engineUp, facts),
      storageCheck("overlay2"),
      stackCheck("0123456789ab", true),
      diskCheck("disk", "/var/lib/paas", 20e9),
      memoryCheck(4e9, 2e9),
      portCheck("--http-port", 80, { kind: "free" }),
      portCheck("--http-port", 80, { kind: "held", by: "node (process 7)", own: true }),
    ];
    expect(checks.map((check) => check?.state)).toEqual(checks.map(() => "ok"));
  });

  test.each([
    ["an old Node", nodeCheck("v20.1.0"), "problem"],
    ["an old git", gitCheck("git version 2.20.1", facts), "problem"],
    ["no git, and root", gitCheck(undefined, facts), "fixable"],
    ["no git, and not root", gitCheck(undefined, { ...facts, isRoot: false }), "problem"],
    ["an engine that does not run", engineCheck(absent, facts), "fixable"],
    ["an engine that only a person can start", engineCheck(absent, { ...facts, isRoot: false }), "problem"],
    ["no stack", stackCheck(undefined, true), "fixable"],
  ])("%s keeps the platform from working", (_name, check, state) => {
    expect(check).toMatchObject({ state, blocking: true, hint: expect.stringMatching(/./) });
  });

  test.each([
    ["a full disk", diskCheck("disk", "/", 1e9)],
    ["little memory", memoryCheck(1e9, 2e8)],
    ["a port of another program", portCheck("--ssh-port", 2222, { kind: "held", by: "sshd (process 9)", own: false })],
    ["a port that only root may have", portCheck("--http-port", 80, { kind: "denied" })],
    ["a slow storage driver", storageCheck("vfs")],
  ])("%s is a problem with a hint, but blocks nothing", (_name, check) => {
    expect(check).toMatchObject({ state: "problem", blocking: false, hint: expect.stringMatching(/./) });
  });

  test("nothing is said of the storage of an engine that is not there", () => {
    expect(storageCheck(undefined)).toBeUndefined();
  });
});

test("listening sockets of a port are found in the kernel's table, connections are not", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:0050 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 20 4 30 10 -1
   2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0`;
  expect(listeningInodes(table, 80)).toEqual(["4711"]);
  expect(listeningInodes(table, 443)).toEqual([]);
});

test("the start time is read past a program name with spaces and parentheses", () => {
  const rest = Array.from({ length: 50 }, (_, index) => String(index + 3)).join(" ");
  expect(startTime(`42 (my (odd) name) ${rest}`)).toBe("22");
});
