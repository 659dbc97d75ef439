import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TableRoute } from "../../../server/router/protocol.ts";
import { compileTable, normaliseHost } from "../../../server/router/table.ts";

const route = (host: string, path = "/"): TableRoute => ({ host, path, app: "shop", state: "stopped", targets: [] });

const compiled = (routes: readonly TableRoute[]) => compileTable(routes.map((one) => ({ route: one })));

function found(routes: readonly TableRoute[], host: string, target: string): string | undefined {
  const match = compiled(routes).match({ host, target })?.route;
  return match === undefined ? undefined : `${match.host}${match.path}`;
}

describe("host", () => {
  const routes = [route("a.d"), route("*.d"), route("*.x.d")];

  test.each([
    ["a.d", "a.d/"],
    ["b.d", "*.d/"],
    ["p.q.d", "*.d/"],
    ["p.x.d", "*.x.d/"],
    ["x.d", "*.d/"],
    ["d", undefined],
    ["ad", undefined],
    ["a.d.evil", undefined],
  ])("%s goes to %s", (host, expected) => {
    expect(found(routes, host, "/")).toBe(expected);
  });

  test("the bare exact host wins over a path of a wildcard", () => {
    expect(found([route("a.d"), route("*.d", "/api")], "a.d", "/api")).toBe("a.d/");
  });

  test("a host without a fitting path falls back to the wildcard", () => {
    expect(found([route("a.d", "/api"), route("*.d")], "a.d", "/other")).toBe("*.d/");
  });

  test("hosts of the table may be in any case", () => {
    expect(found([route("Shop.Example")], "shop.example", "/")).toBe("Shop.Example/");
  });
});

describe("path", () => {
  const routes = [route("h"), route("h", "/v2"), route("h", "/v2/admin")];

  test.each([
    ["/", "h/"],
    ["/v2", "h/v2"],
    ["/v2/", "h/v2"],
    ["/v2/x/y", "h/v2"],
    ["/v2?q=/v2/admin", "h/v2"],
    ["/v2/admin?x", "h/v2/admin"],
    ["/v2/admin/users", "h/v2/admin"],
    ["/v2/administrators", "h/v2"],
    ["/v22", "h/"],
    ["/V2", "h/"],
    ["//v2", "h/"],
    ["*", "h/"],
  ])("%s goes to %s", (target, expected) => {
    expect(found(routes, "h", target)).toBe(expected);
  });

  test("without a root route what does not fit is unknown", () => {
    expect(found([route("h", "/v2")], "h", "/v3")).toBeUndefined();
  });
});

const label = fc.constantFrom("a", "b", "c");
const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const path = fc.array(label, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`);
const anyRoute = fc
  .tuple(host, fc.boolean(), path)
  .map(([name, isWildcard, prefix]) => route(isWildcard ? `*.${name}` : name, prefix));

/** The rule as it is told, without any index. */
function byTheBook(routes: readonly TableRoute[], requestHost: string, requestPath: string): TableRoute | undefined {
  const covers = (one: TableRoute) =>
    one.host.startsWith("*.") ? requestHost.endsWith(one.host.slice(1)) : requestHost === one.host;
  const fits = (one: TableRoute) =>
    one.path === "/" || requestPath === one.path || requestPath.startsWith(`${one.path}/`);
  const rank = (one: TableRoute) =>
    (one.host.startsWith("*.") ? one.host.length : 10_000) * 10_000 + (one.path === "/" ? 0 : one.path.length);
  return routes.filter((one) => covers(one) && fits(one)).toSorted((a, b) => rank(b) - rank(a))[0];
}

test("the compiled table finds what the rule says", () => {
  fc.assert(
    fc.property(fc.array(anyRoute, { maxLength: 20 }), host, path, (routes, requestHost, requestPath) => {
      const unique = [...new Map(routes.map((one) => [`${one.host} ${one.path}`, one])).values()];
      expect(compiled(unique).match({ host: requestHost, target: requestPath })?.route).toBe(
        byTheBook(unique, requestHost, requestPath),
      );
    }),
    { numRuns: 2_000 },
  );
});

test("a request never reaches a route whose host does not cover its own", () => {
  fc.assert(
    fc.property(fc.array(anyRoute, { maxLength: 20 }), host, path, (routes, requestHost, requestPath) => {
      const match = compiled(routes).match({ host: requestHost, target: requestPath })?.route;
      if (match === undefined) return;
      const isCovered = match.host.startsWith("*.")
        ? requestHost.endsWith(match.host.slice(1))
        : requestHost === match.host;
      expect(isCovered).toBe(true);
    }),
  );
});

describe("normaliseHost", () => {
  test.each([
    ["APP.Example:80", "app.example"],
    ["app.example.", "app.example"],
    ["app.example.:8080", "app.example"],
    ["app_1.example", "app_1.example"],
    ["127.0.0.1:80", "127.0.0.1"],
    ["[::1]:80", "[::1]"],
    ["app.example:", "app.example"],
  ])("%s is %s", (raw, expected) => {
    expect(normaliseHost(raw)).toBe(expected);
  });

  test.each([
    "",
    " ",
    "a b",
    'a"b',
    "a/b",
    "a@b",
    "a..b",
    ".a",
    "a:b",
    "a:80:80",
    "ä",
    "a%20b",
    `${"a.".repeat(200)}a`,
  ])("%j is no host", (raw) => {
    expect(normaliseHost(raw)).toBeUndefined();
  });
});
