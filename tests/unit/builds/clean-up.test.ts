import { expect, test } from "vitest";
import { prunableLayers } from "../../../server/builds/clean-up.ts";
import type { OwnImage } from "../../../server/builds/image-engine.ts";

function image(id: string, parts: Partial<OwnImage> = {}): OwnImage {
  return { id, parentId: undefined, kind: "layer", refs: [], appId: undefined, createdAt: 0, sizeBytes: 1, ...parts };
}

const dayMs = 86_400_000;

test("a layer under a droplet or another layer stays", () => {
  const images = [
    image("a"),
    image("b", { parentId: "a" }),
    image("d", { kind: "droplet", parentId: "b" }),
    image("c"),
  ];
  expect(prunableLayers(images, 10 * dayMs, dayMs).map((i) => i.id)).toEqual(["c"]);
});

test("a new layer stays, a droplet is not a layer", () => {
  const images = [image("new", { createdAt: 10 * dayMs }), image("old"), image("d", { kind: "droplet" })];
  expect(prunableLayers(images, 10 * dayMs, dayMs).map((i) => i.id)).toEqual(["old"]);
});
