import { expect, test } from "vitest";
import type { Droplet, Release } from "../../../server/core/types.ts";
import { dispensable } from "../../../server/releases/retention.ts";

const droplet = (id: string) => ({ id, imageId: `sha256:${id}` }) as Droplet;
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
  expect(ids(dispensable(droplets, releases, 10))).toEqual(["d1", "d2", "d3", "d4"]);
});

test("after a rollback the droplet that runs stays however old it is", () => {
  const droplets = Array.from({ length: 9 }, (_, i) => droplet(`d${i + 1}`));
  const releases = [...droplets.map((one, i) => release(i + 1, one.id)), release(10, "d1")];
  expect(ids(dispensable(droplets, releases, 10))).toEqual(["d2", "d3", "d4"]);
});

test("config changes do not push droplets out", () => {
  const releases = Array.from({ length: 20 }, (_, i) => release(i + 1, i === 0 ? "old" : "now"));
  expect(dispensable([droplet("old"), droplet("now")], releases, 20)).toEqual([]);
});

test("one that never came up goes, one in the making stays", () => {
  const releases = [release(1, "up"), release(2, "failed", "failed"), release(3, "new", "pending")];
  expect(
    ids(dispensable([droplet("up"), droplet("failed"), droplet("new"), droplet("unreleased")], releases, 1)),
  ).toEqual(["failed", "unreleased"]);
});
