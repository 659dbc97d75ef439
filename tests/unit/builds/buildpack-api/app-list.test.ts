import { beforeEach, expect, test } from "vitest";
import { AppBuildpacks, type SettingsStore } from "../../../../server/builds/buildpack-api/app-list.ts";
import { depsIndex } from "../../../../server/builds/buildpack-api/cloud-foundry.ts";
import { envDirFiles } from "../../../../server/builds/buildpack-api/env-dir.ts";
import type { AppId } from "../../../../server/core/ids.ts";

const id = "app" as AppId;
let own: AppBuildpacks;

beforeEach(() => {
  const values = new Map<string, unknown>();
  const settings: SettingsStore = {
    get: (_id, key, schema) => schema.safeParse(values.get(key)).data,
    set: (_id, key, value) => void values.set(key, value),
    unset: (_id, key) => void values.delete(key),
  };
  own = new AppBuildpacks(settings, ["node"]);
});

test("buildpacks are added at the end or at a place", () => {
  own.add(id, "./a");
  own.add(id, "./b");
  own.add(id, "./c", 1);
  own.add(id, "./d", 99);
  expect(own.list(id)).toEqual(["./c", "./a", "./b", "./d"]);
});

test("set replaces the first one or the one at a place", () => {
  own.set(id, "./a");
  own.set(id, "./b", 2);
  own.set(id, "./c");
  expect(own.list(id)).toEqual(["./c", "./b"]);
});

test("one is removed by name or by place, and all are cleared", () => {
  for (const text of ["./a", "https://u:secret@host.test/x", "./c"]) own.add(id, text);
  expect(own.remove(id, { buildpack: "https://host.test/x" })).toBe("https://host.test/x");
  own.remove(id, { index: 1 });
  expect(own.list(id)).toEqual(["./c"]);
  own.clear(id);
  expect(own.list(id)).toEqual([]);
});

test.each([
  [() => own.add(id, "cobol"), "BUILDPACK_INVALID"],
  [() => own.add(id, "./a"), "BUILDPACK_TWICE"],
  [() => own.set(id, "./a", 2), "BUILDPACK_TWICE"],
  [() => own.remove(id, { buildpack: "./x" }), "BUILDPACK_NOT_LISTED"],
  [() => own.remove(id, { index: 2 }), "BUILDPACK_NOT_LISTED"],
  [() => own.update(id, "./x"), "BUILDPACK_NOT_PINNED"],
])("%# what cannot be is refused", (change, code) => {
  own.add(id, "./a");
  expect(change).toThrow(expect.objectContaining({ code }) as Error);
  expect(own.list(id)).toEqual(["./a"]);
});

test("a pin holds until it is asked for a newer state, or the buildpack leaves the list", () => {
  const url = "https://u:secret@host.test/x#v1";
  own.add(id, url);
  own.pins.set(id, url, "c1");
  own.pins.set(id, "https://host.test/y", "c2");
  expect(own.show(id)).toEqual([{ index: 1, buildpack: "https://host.test/x#v1", pin: "c1" }]);
  expect(own.pinned(id)).toEqual({ "https://host.test/x#v1": "c1", "https://host.test/y": "c2" });
  expect(own.update(id, "https://host.test/y")).toEqual(["https://host.test/y"]);
  expect(own.pins.get(id, "https://host.test/y")).toBeUndefined();
  own.remove(id, { index: 1 });
  expect(own.pinned(id)).toEqual({});
});

test("ENV_DIR has the config vars but those that would break a script", () => {
  const config = { A: "x\n", PATH: "/evil", LD_PRELOAD: "x", GIT_DIR: ".", PATHS: "y", BUILD_DIR: "z" };
  expect(envDirFiles(config)).toEqual({ A: "x\n", PATHS: "y" });
});

test("ENV_DIR has what bindings give, config vars win", () => {
  const services = { DATABASE_URL: "postgres://a", REDIS_URL: "redis://b", VCAP_SERVICES: "{}" };
  expect(envDirFiles({ DATABASE_URL: "own" }, services)).toEqual({ DATABASE_URL: "own", REDIS_URL: "redis://b" });
});

test.each([
  [0, 1, "0"],
  [1, 2, "1"],
  [9, 10, "9"],
  [3, 11, "03"],
  [10, 11, "10"],
])("deps index %d of %d is %s", (index, count, expected) => {
  expect(depsIndex(index, count)).toBe(expected);
});
