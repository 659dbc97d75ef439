import { expect, test } from "vitest";
import { imageReference } from "../../../server/builds/source/image-reference.ts";
import { outwardAddress, isPublicAddress } from "../../../server/builds/source/public-address.ts";
import { assertRemoteUrl } from "../../../server/git/remote-url.ts";
import { AppError } from "../../../server/core/errors.ts";

test.each([
  ["8.8.8.8", true],
  ["172.15.0.1", true],
  ["2606:4700::1", true],
  ["127.0.0.1", false],
  ["127.9.9.9", false],
  ["0.0.0.0", false],
  ["10.1.2.3", false],
  ["172.16.0.1", false],
  ["172.31.255.255", false],
  ["192.168.1.1", false],
  ["169.254.169.254", false],
  ["100.64.0.1", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["::1", false],
  ["::", false],
  ["::ffff:127.0.0.1", false],
  ["::ffff:7f00:1", false],
  ["::ffff:8.8.8.8", true],
  ["64:ff9b::a9fe:a9fe", false],
  ["fd00::1", false],
  ["fe80::1", false],
  ["not an address", false],
])("%s is of the outside world: %s", (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic);
});

test("an inward host is refused unless the operator has named it", async () => {
  await expect(outwardAddress("127.0.0.1", new Set())).rejects.toThrow("127.0.0.1 is within this machine");
  await expect(outwardAddress("[::1]", new Set())).rejects.toThrow("is within this machine");
  await expect(outwardAddress("localhost", new Set())).rejects.toThrow("localhost is within this machine");
  expect(await outwardAddress("127.0.0.1", new Set(["127.0.0.1"]))).toBe("127.0.0.1");
});

test.each([
  ["nginx", "nginx:latest"],
  ["nginx:1.27", "nginx:1.27"],
  ["team/shop", "team/shop:latest"],
  ["registry.example.test:5000/team/shop", "registry.example.test:5000/team/shop:latest"],
  ["localhost:5000/shop:v1", "localhost:5000/shop:v1"],
  [`shop@sha256:${"a".repeat(64)}`, `shop@sha256:${"a".repeat(64)}`],
  [`sha256:${"a".repeat(64)}`, `sha256:${"a".repeat(64)}`],
])("the image %s is %s", (raw, ref) => {
  expect(imageReference(raw)).toBe(ref);
});

test.each([
  "",
  "-x",
  "Shop",
  "a b",
  "a//b",
  "../x",
  "shop:",
  "shop:a/b",
  "shop@sha256:1",
  "https://x/y",
  "a".repeat(500),
])("the image %j is refused", (raw) => {
  expect(() => imageReference(raw)).toThrow(AppError);
});

test.each([
  ["https://git.example.test/shop.git", "git.example.test"],
  ["ssh://git@git.example.test:2222/shop", "git.example.test"],
  ["git@git.example.test:team/shop.git", "git.example.test"],
])("the repository %s is asked for at %s", (url, host) => {
  expect(assertRemoteUrl(url).host).toBe(host);
});

test("a secret in the address of a repository is not shown", () => {
  expect(assertRemoteUrl("https://ann:secret@git.example.test/shop").shownUrl).toBe("https://git.example.test/shop");
});

test.each([
  "file:///etc",
  "/srv/repo",
  "../repo",
  "ext::sh -c x",
  "-oProxyCommand=x",
  "ssh://-oProxyCommand=x/y",
  "https://",
])("the repository %j is refused", (url) => {
  expect(() => assertRemoteUrl(url)).toThrow("is not an address that can be fetched");
});
