import { expect, test } from "vitest";
import { isAppError } from "../../../server/core/errors.ts";
import { parseRouteAddress, urlOf } from "../../../server/routes/address.ts";

test.each([
  [{ domain: "WWW.Example.test" }, { host: "www.example.test", path: "/" }],
  [
    { domain: "example.test", hostname: "api", path: "/v2" },
    { host: "api.example.test", path: "/v2" },
  ],
  [
    { domain: "example.test", path: "v2/" },
    { host: "example.test", path: "/v2" },
  ],
  [
    { domain: "example.test", hostname: "*" },
    { host: "*.example.test", path: "/" },
  ],
  [{ domain: "example.test." }, { host: "example.test", path: "/" }],
])("%j is %j", (request, address) => {
  expect(parseRouteAddress(request)).toEqual(address);
});

test.each(["http://example.test", "exa mple.test", "-a.test", "a..test", "", "a.test:80", "x.*.test", "a_b.test"])(
  "host %j is refused",
  (domain) => {
    expect(codeOf(() => parseRouteAddress({ domain }))).toBe("ROUTE_INVALID");
  },
);

test.each(["/a?b", "/a#b", "/a//b", "/ä"])("path %j is refused", (path) => {
  expect(codeOf(() => parseRouteAddress({ domain: "example.test", path }))).toBe("ROUTE_PATH_INVALID");
});

test("a URL is https where the host has a certificate, and names a port unless it is the scheme's own", () => {
  expect(urlOf({ host: "a.test", path: "/" }, { http: 80 })).toBe("http://a.test");
  expect(urlOf({ host: "a.test", path: "/v2" }, { http: 8080 })).toBe("http://a.test:8080/v2");
  expect(urlOf({ host: "a.test", path: "/v2" }, { http: 8080, https: 443 })).toBe("https://a.test/v2");
  expect(urlOf({ host: "*.a.test", path: "/" }, { http: 80, https: 8443 })).toBe("https://*.a.test:8443");
});

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (err) {
    return isAppError(err) ? err.code : String(err);
  }
}
