import { describe, expect, test } from "vitest";
import type { EngineState } from "../../../server/host/engine-plan.ts";
import { ensureEngine } from "../../../server/host/engine.ts";
import { engineUp, fakeMachine, recordedOutput } from "../../support/host-fakes.ts";

const absent: EngineState = { kind: "absent", address: "/var/run/docker.sock", cause: "ENOENT" };
const signal = () => AbortSignal.timeout(10_000);

describe("ensuring the engine", () => {
  test("leaves a machine alone whose engine answers", async () => {
    const machine = fakeMachine({ probes: [engineUp] });
    const { out, lines } = recordedOutput();
    expect(await ensureEngine(machine, out, signal())).toEqual(engineUp);
    expect([machine.ran, machine.started, lines]).toEqual([[], [], []]);
  });

  test("installs only what is missing, then starts dockerd and waits for its answer", async () => {
    const machine = fakeMachine({
      probes: [absent, absent, absent, engineUp],
      answers: { "dpkg-query": { code: 1, stdout: "iptables installed\nca-certificates installed\n" } },
    });
    const { out, lines } = recordedOutput();
    expect(await ensureEngine(machine, out, signal())).toEqual(engineUp);
    const apt = machine.ran.filter((line) => line.startsWith("apt-get"));
    expect(apt).toEqual([
      expect.stringMatching(/ update$/),
      expect.stringMatching(/ install -y --no-install-recommends docker\.io$/),
    ]);
    expect(machine.started).toEqual(["dockerd"]);
    expect(lines[0]).toBe("-----> Installing the container engine (docker.io)");
  });

  test("uses systemd where it runs", async () => {
    const machine = fakeMachine({
      probes: [absent, absent, engineUp],
      facts: { systemd: true, engineInstalled: true },
    });
    await ensureEngine(machine, recordedOutput().out, signal());
    expect(machine.ran).toEqual(["systemctl enable --now docker"]);
    expect(machine.started).toEqual([]);
  });

  test("does nothing when another process made the engine answer while it waited for the lock", async () => {
    const machine = fakeMachine({ probes: [absent, engineUp] });
    await ensureEngine(machine, recordedOutput().out, signal());
    expect([machine.ran, machine.started]).toEqual([[], []]);
  });

  test("waits for a dockerd that the package has started, rather than start a second one", async () => {
    const machine = fakeMachine({ probes: [absent, absent, absent, engineUp], daemonRuns: true });
    await ensureEngine(machine, recordedOutput().out, signal());
    expect(machine.started).toEqual([]);
  });

  test("removes a pid file that outlived its dockerd", async () => {
    const machine = fakeMachine({ probes: [absent, absent, engineUp], facts: { engineInstalled: true } });
    await ensureEngine(machine, recordedOutput().out, signal());
    expect(machine.removed).toEqual(["/run/docker.pid"]);
  });

  test("shows the log of a dockerd that ends at once, without waiting for the deadline", async () => {
    const machine = fakeMachine({ probes: [absent], facts: { engineInstalled: true }, endsAtOnce: true });
    const { out, lines } = recordedOutput();
    await expect(ensureEngine(machine, out, signal())).rejects.toMatchObject({
      code: "ENGINE_START_FAILED",
      fields: { cause: "dockerd ended at once" },
    });
    expect(lines).toContain("       failed to start daemon: no space left on device");
  });

  test("shows what apt said when it fails, and starts nothing", async () => {
    const machine = fakeMachine({
      probes: [absent],
      answers: { "apt-get": { code: 100, stderr: "E: Failed to fetch http://mirror.example" } },
    });
    const { out, lines } = recordedOutput();
    await expect(ensureEngine(machine, out, signal())).rejects.toMatchObject({ code: "PACKAGES_FAILED" });
    expect(lines).toContain("       E: Failed to fetch http://mirror.example");
    expect(machine.started).toEqual([]);
  });

  test("says what a person must do where it may not act", async () => {
    const machine = fakeMachine({ probes: [absent], facts: { isRoot: false } });
    await expect(ensureEngine(machine, recordedOutput().out, signal())).rejects.toMatchObject({
      code: "ENGINE_MISSING",
      hint: "Have it installed: sudo paas doctor --fix",
    });
    expect(machine.ran).toEqual([]);
  });
});
