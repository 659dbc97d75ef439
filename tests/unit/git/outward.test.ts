import { expect, test } from "vitest";
import { hostOf, outwardCall } from "../../../server/git/outward.ts";

const base = { cwd: "/", env: {}, signal: new AbortController().signal };
const configOf = async (url: string, address: string) =>
  ((await outwardCall({ addressOf: async () => address }, url, base)).config ?? []).filter(
    (line) => line.startsWith("http.curl") || line.startsWith("http.follow"),
  );

test.each([
  ["https://git.test/a.git", { host: "git.test", port: 443 }],
  ["http://user:secret@git.test:8080/a", { host: "git.test", port: 8080 }],
  ["ssh://git@git.test:22/a", { host: "git.test", port: undefined }],
  ["git@git.test:a/b.git", { host: "git.test", port: undefined }],
  ["git://git.test/a", { host: "git.test", port: undefined }],
  ["/srv/a.git", undefined],
])("%s leads to %j", (url, host) => {
  expect(hostOf(url)).toEqual(host);
});

test("over http git connects to the address that was looked at, and follows nobody elsewhere", async () => {
  const redirects = "http.followRedirects=false";
  expect(await configOf("https://git.test/a", "192.0.2.7")).toEqual([
    redirects,
    "http.curloptResolve=git.test:443:192.0.2.7",
  ]);
  expect(await configOf("http://git.test:81/a", "2001:db8::7")).toEqual([
    redirects,
    "http.curloptResolve=git.test:81:[2001:db8::7]",
  ]);
  expect(await configOf("http://192.0.2.7/a", "192.0.2.7")).toEqual([redirects]);
  expect(await configOf("git@git.test:a", "192.0.2.7")).toEqual([]);
});

test("a host that is not to be fetched from is an error before git runs", async () => {
  const refused = outwardCall({ addressOf: () => Promise.reject(new Error("inward")) }, "git@git.test:a", base);
  await expect(refused).rejects.toThrow("inward");
});
