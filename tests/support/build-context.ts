import { unpurged } from "../../server/builds/app-cache.ts";
import { Breaches } from "../../server/builds/breach.ts";
import type { BuildContext } from "../../server/builds/build-context.ts";
import { createKeyedLock } from "../../server/core/keyed-lock.ts";
import { silentLog } from "../../server/core/log.ts";
import { testLimits } from "./build-harness.ts";

/** What a part of a build works with, without a builder around it. */
export function testContext(parts: Pick<BuildContext, "engine" | "input" | "out">): BuildContext {
  const { app, buildId } = parts.input;
  return {
    ...parts,
    owner: { appId: app.id, buildId },
    limits: testLimits,
    dockerfile: {},
    cache: unpurged,
    stepsMade: () => undefined,
    stepsRan: () => undefined,
    breaches: new Breaches(testLimits, app.name),
    floorBytes: 0,
    log: silentLog,
    onePerKey: createKeyedLock(),
    signal: new AbortController().signal,
    admit: () => Promise.resolve(),
    used: () => undefined,
    end: () => undefined,
    current: () => "test",
    remove: (container) => void parts.engine.removeContainer(container),
    timed: (_step, work) => work(),
  };
}
