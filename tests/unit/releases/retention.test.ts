import { expect, test } from "vitest";
import type { Droplet, Release } from "../../../server/core/types.ts";
import { silentLog } from "../../../server/core/log.ts";
import type { AppId } from "../../../server/core/ids.ts";
import { dispensable, removeDispensable } from "../../../server/releases/retention.ts";

let made = 0;
/** Each is newer than the one before. */
const droplet = (id: string) => ({ id, imageId: `sha256:${id}`, createdAt: made++ }) as Droplet;
const five = { keep: 5, running: new Set<string>() };
const release = (version: number, dropletId: string, status: Release["status"] = "succeeded") => ({
  version,
  dropletId,
  status,
});
const ids = (droplets: readonly Droplet[]) => droplets.map((one) => one.id);

test("the current one and the five newest that came up stay", () => {
  const versions = Array.from({ length: 10 }, (_, i) => i + 1);
  const droplets = versions.map((v) => droplet(`d${v}`));
  const releases = versions.map((v) => release(v, `d${v}`));
  expect(ids(dispensable(droplets, releases, 10, five))).toEqual(["d1", "d2", "d3", "d4"]);
});

test("after a rollback the droplet that runs stays however old it is", () => {
  const droplets = Array.from({ length: 9 }, (_, i) => droplet(`d${i + 1}`));
  const releases = [...droplets.map((one, i) => release(i + 1, one.id)), release(10, "d1")];
  expect(ids(dispensable(droplets, releases, 10, five))).toEqual(["d2", "d3", "d4"]);
});

test("config changes do not push droplets out", () => {
  const releases = Array.from({ length: 20 }, (_, i) => release(i + 1, i === 0 ? "old" : "now"));
  expect(dispensable([droplet("old"), droplet("now")], releases, 20, five)).toEqual([]);
});

test("one that never came up goes, one in the making stays", () => {
  const releases = [release(1, "up"), release(2, "failed", "failed"), release(3, "new", "pending")];
  const droplets = ["up", "failed", "unreleased", "new"].map(droplet);
  expect(ids(dispensable(droplets, releases, 1, five))).toEqual(["failed", "unreleased"]);
});

test("the newest stays for the next push of its commit although it never came up", () => {
  const releases = [release(1, "up"), release(2, "failed", "failed"), release(3, "again", "failed")];
  expect(ids(dispensable(["up", "failed", "again"].map(droplet), releases, 1, five))).toEqual(["failed"]);
});

test("as many stay as one wishes", () => {
  const droplets = Array.from({ length: 5 }, (_, i) => droplet(`d${i + 1}`));
  const releases = droplets.map((one, i) => release(i + 1, one.id));
  expect(ids(dispensable(droplets, releases, 5, { ...five, keep: 0 }))).toEqual(["d1", "d2", "d3", "d4"]);
  expect(ids(dispensable(droplets, releases, 5, { ...five, keep: 3 }))).toEqual(["d1"]);
});

test("what still runs stays", () => {
  const droplets = Array.from({ length: 3 }, (_, i) => droplet(`d${i + 1}`));
  const releases = droplets.map((one, i) => release(i + 1, one.id));
  const running = new Set(["sha256:d1"]);
  expect(ids(dispensable(droplets, releases, 3, { keep: 0, running }))).toEqual(["d2"]);
});

test("the image of a droplet that goes is removed, one that another droplet has too stays", async () => {
  const rows = ["d1", "d2", "d3"].map(droplet);
  const twin = { ...droplet("d0"), imageId: "sha256:d3", createdAt: -1 };
  const images: string[] = [];
  const deleted: string[] = [];
  await removeDispensable(
    {
      releases: {
        // Rows are read anew each time: another object is the same droplet.
        droplets: () => [twin, ...rows].map((one) => ({ ...one })),
        releases: () => rows.map((one, i) => release(i + 1, one.id)) as unknown as readonly Release[],
        currentGeneration: () => ({ version: 3 }),
        deleteDroplet: (id) => void deleted.push(id),
      },
      removeImage: async (id) => images.push(id) > 0,
      runningImages: async () => new Set(),
      keep: () => 1,
      log: silentLog,
    },
    "a1" as AppId,
  );
  expect(deleted.toSorted()).toEqual(["d0", "d1"]);
  expect(images).toEqual(["sha256:d1"]);
});
