import { expect, test } from "vitest";
import { remoteApp } from "../../../cli/app-name.ts";
import { parseDuration } from "../../../cli/commands/accounts.ts";
import { parseAssignments } from "../../../cli/commands/config.ts";
import { settingsOf } from "../../../cli/commands/host.ts";
import { parseScale } from "../../../cli/commands/processes.ts";
import { splitExec } from "../../../cli/commands/run.ts";
import { parseQuestion } from "../../../cli/commands/session.ts";
import { parseMemory } from "../../../cli/commands/settings.ts";
import { defaultHome, findConnection } from "../../../cli/connection.ts";
import { fillPath } from "../../../cli/client.ts";
import { fingerprintOf } from "../../../cli/git-remote.ts";
import { parseSize } from "../../../cli/terminal.ts";
import { Input } from "../../../cli/verb.ts";
import { readConfig } from "../../../server/config/config.ts";

test.each([
  ["ssh://paas@box.example.test:2222/shop", "shop"],
  ["ssh://paas@box.example.test:2222/shop.git", "shop"],
  ["paas@box.example.test:shop", "shop"],
  ["paas@box.example.test:shop.git", "shop"],
  ["http://127.0.0.1:7070/shop.git", "shop"],
  ["https://paas.example.test/git/shop-2.git/", "shop-2"],
  ["https://paas.example.test/", undefined],
  ["/srv/git/Shop", undefined],
  ["", undefined],
])("the git remote %s names the app %s", (url, app) => {
  expect(remoteApp(url)).toBe(app);
});

test("the value of a config var is everything after the first equals sign", () => {
  expect(parseAssignments(["A=1", "URL=http://x/?a=b", "EMPTY="])).toEqual({ A: "1", URL: "http://x/?a=b", EMPTY: "" });
});

test("a scale is absolute or relative to what there is, never below zero", () => {
  const formation = [
    { type: "web", count: 2 },
    { type: "mail-queue", count: 1 },
  ];
  expect(parseScale(["web=5", "mail-queue+2"], formation)).toEqual({ web: 5, "mail-queue": 3 });
  expect(parseScale(["web-1", "new+1"], formation)).toEqual({ web: 1, new: 1 });
  expect(parseScale(["web-9"], formation)).toEqual({ web: 0 });
});

test.each([
  ["512", 512],
  ["512M", 512],
  ["512mb", 512],
  ["1G", 1024],
  ["1.5GiB", 1536],
])("%s of memory is %d MB", (raw, megabytes) => {
  expect(parseMemory(raw)).toBe(megabytes);
});

test("proxies in front are addresses and networks", () => {
  const read = (list: string, state = "on") =>
    readConfig({ PAAS_TRUSTED_PROXIES: list, PAAS_PROXY_PROTOCOL: state }, false);
  expect(read("10.0.0.0/8, ::1")).toMatchObject({
    ok: true,
    config: { trustedProxies: ["10.0.0.0/8", "::1"], proxyProtocol: true },
  });
  expect(read("10.0.0.0/33")).toMatchObject({ ok: false });
  expect(read("proxy.test")).toMatchObject({ ok: false });
  expect(read("", "maybe")).toMatchObject({ ok: false });
});

test("lengths of time are in ms", () => {
  expect([parseDuration("90m"), parseDuration("12h"), parseDuration("30d")]).toEqual([
    5_400_000, 43_200_000, 2_592_000_000,
  ]);
});

test.each([
  [[], { command: [] }],
  [["ls", "-la", "-a"], { command: ["ls", "-la", "-a"] }],
  [["--", "ls", "-a"], { command: ["ls", "-a"] }],
  [["-a", "shop", "--", "ls"], { command: ["ls"], app: "shop" }],
  [["-a", "shop"], { command: [], app: "shop" }],
])("behind the instance %o is understood", (words, expected) => {
  expect(splitExec(words)).toEqual(expected);
});

test("settings of the daemon become its variables, and it understands them", () => {
  const typed = {
    home: "/srv/paas",
    domain: "apps.test",
    listen: "127.0.0.1",
    httpPort: "8080",
    httpsPort: "off",
    sshPort: "2223",
    apiPort: "7071",
    routerWorkers: "2",
    sourceHosts: "git.lan, 10.0.0.5",
    trustedProxies: "10.0.0.0/8",
    proxyProtocol: "on",
    parallelBuilds: "3",
    diskFloor: "1G",
    cacheBudget: "10G",
    keepDroplets: "7",
    logLevel: "debug",
  };
  const { diskFloor: _floor, cacheBudget: _budget, ...same } = typed;
  const sizes = { diskFloorBytes: 1024 ** 3, cacheBudgetBytes: 10 * 1024 ** 3, parallelBuilds: 3, keepDroplets: 7 };
  const acme = {
    acmeDirectory: "https://ca.test/dir",
    acmeEmail: "ops@shop.test",
    acmeCaFile: "/etc/ca.pem",
    acmeChallenge: "dns-01",
    acmeDnsHook: "/usr/local/bin/hook",
    acmeDnsServers: "192.0.2.1:53,192.0.2.2:53",
  };
  const result = readConfig(settingsOf(new Input([], { ...typed, ...acme })), false);
  const numbers = { httpPort: 8080, httpsPort: undefined, sshPort: 2223, apiPort: 7071, routerWorkers: 2 };
  expect(result).toEqual({
    ok: true,
    config: {
      ...same,
      ...sizes,
      sourceHosts: ["git.lan", "10.0.0.5"],
      trustedProxies: ["10.0.0.0/8"],
      proxyProtocol: true,
      ...numbers,
      acme: {
        directory: acme.acmeDirectory,
        email: acme.acmeEmail,
        caFile: acme.acmeCaFile,
        challenge: "dns-01",
        dnsHook: acme.acmeDnsHook,
        dnsServers: ["192.0.2.1:53", "192.0.2.2:53"],
      },
    },
  });
});

test("the default home is the daemon's", () => {
  const config = readConfig({}, true);
  expect(config.ok && config.config.home).toBe(defaultHome({}, true));
  const own = readConfig({}, false);
  expect(own.ok && own.config.home).toBe(defaultHome(process.env, false));
});

const login = { url: "http://paas.example.test", token: "from-login" };

test.each([
  [
    { PAAS_URL: "unix:/run/x.sock", PAAS_TOKEN: "t" },
    { kind: "unix", socketPath: "/run/x.sock", token: "t" },
  ],
  [
    { PAAS_URL: "http://box:7070", PAAS_HOME: "/srv" },
    { kind: "http", url: new URL("http://box:7070"), token: undefined },
  ],
  [{ PAAS_HOME: "/srv/paas/" }, { kind: "unix", socketPath: "/srv/paas/paasd.sock", token: undefined }],
  [{}, { kind: "http", url: new URL(login.url), token: "from-login" }],
])("%o leads to the daemon", (env, connection) => {
  expect(findConnection(env, () => login, true)).toEqual(connection);
});

test("without anything the socket of the default home is used", () => {
  const found = findConnection({ HOME: "/home/ann" }, () => undefined, false);
  expect(found).toMatchObject({ kind: "unix", socketPath: "/home/ann/.local/share/paas/paasd.sock" });
});

test("values in a path are encoded", () => {
  const path = fillPath("/v1/apps/:app/logs", { param: { app: "a/../b" }, query: { lines: "5", process: undefined } });
  expect(path).toBe("/v1/apps/a%2F..%2Fb/logs?lines=5");
});

test("the fingerprint of a public key is the one that ssh-keygen prints", async () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJl3dIeudNqd0DPMRD6OIh65tjkxFNOtwGcWB2gCgPhk ann@laptop";
  expect(await fingerprintOf(key)).toBe("SHA256:7I8drb3QzWh/xbRpZ3gnrFSPxPd5aMEVorYat/n+vWo");
  expect(await fingerprintOf("not a key")).toBeUndefined();
});

test("git's question is read line by line", () => {
  expect(parseQuestion("protocol=http\nhost=127.0.0.1:7070\npath=a=b\n")).toMatchObject({
    protocol: "http",
    host: "127.0.0.1:7070",
    path: "a=b",
  });
});

test("a terminal's size is columns and rows", () => {
  expect(parseSize("120x40\n")).toEqual({ columns: 120, rows: 40 });
  expect(parseSize("0x40")).toBeUndefined();
  expect(parseSize("wide")).toBeUndefined();
});
