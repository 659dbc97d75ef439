import { expect, test } from "vitest";
import { runCommandLine, verbGroups } from "../../../cli/program.ts";
import { memoryIo } from "./io.ts";

const verbs = verbGroups.flatMap((group) => group.verbs);

test.each(verbs.map((verb) => verb.name))("the help of %s has an example", async (name) => {
  const { io, out, err } = memoryIo();
  expect(await runCommandLine([name, "--help"], io)).toBe(0);
  expect(out()).toContain("Examples:\n  $ ");
  expect(out()).toContain(`Usage: paas ${name}`);
  expect(err()).toBe("");
});

test("no two verbs or aliases have the same name", () => {
  const names = verbs.flatMap((verb) => [verb.name, ...(verb.aliases ?? [])]);
  expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
});

const showing =
  "apps apps:info buildpacks ps ps:scale config config:get releases releases:info builds builds:output builds:limits builds:dockerfile logs tasks routes marketplace " +
  "services service limits checks keys tokens users audit whoami version open doctor disk";

test.each(showing.split(" "))("%s, which lists or shows, takes --json", async (name) => {
  const { io, out } = memoryIo();
  await runCommandLine([name, "--help"], io);
  expect(out()).toContain("--json");
});

test.each([
  [["pss"], "There is no verb 'pss'.", "ps"],
  [["apps:crate", "shop"], "There is no verb 'apps:crate'.", "apps:create"],
  [["map-rout", "a", "b"], "There is no verb 'map-rout'.", "map-route"],
])("%o is answered with the nearest verb", async (argv, line, nearest) => {
  const { io, err } = memoryIo();
  expect(await runCommandLine(argv, io)).toBe(2);
  expect(err()).toContain(`error: ${line}\n`);
  expect(err()).toContain(nearest);
});

test.each([[["help", "pss"]], [["pss", "--help"]]])("%o says that there is no such verb", async (argv) => {
  const { io, out, err } = memoryIo();
  expect(await runCommandLine(argv, io)).toBe(2);
  expect(err()).toContain("error: There is no verb 'pss'.\n");
  expect(out()).toBe("");
});

test("help of an alias is the verb's", async () => {
  const { io, out } = memoryIo();
  expect(await runCommandLine(["help", "scale"], io)).toBe(0);
  expect(out()).toContain("Usage: paas ps:scale");
});

test("a verb that is typed wrong is answered with an example of it", async () => {
  const { io, err } = memoryIo();
  expect(await runCommandLine(["map-route"], io)).toBe(2);
  expect(err()).toBe(
    "error: Missing required argument 'app'.\nWrite it like: paas map-route shop www.example.test (more: paas map-route --help)\n",
  );
});

test.each([
  [["login", "foo"]],
  [["ps:scale", "web=101", "-a", "shop"]],
  [[]],
  [["ps", "--zork"]],
  [["ps", "one", "too-many"]],
  [["config:get"]],
  [["config:set", "GREETING", "-a", "shop"]],
  [["config:set", "-a", "shop"]],
  [["ps:scale", "web=two", "-a", "shop"]],
  [["ps:scale", "web=", "-a", "shop"]],
  [["logs", "-n", "many", "-a", "shop"]],
  [["logs", "--source", "zork", "-a", "shop"]],
  [["logs", "--tail", "--recent", "-a", "shop"]],
  [["limits:set", "web", "-a", "shop"]],
  [["limits:set", "web", "--memory", "lots", "-a", "shop"]],
  [["checks:set", "web", "--settle", "soon", "-a", "shop"]],
  [["strategy", "blue-green", "-a", "shop"]],
  [["releases:info", "three", "-a", "shop"]],
  [["rollback", "0", "-a", "shop"]],
  [["builds:output", "one", "-a", "shop"]],
  [["cups", "mail", "-p", "{"]],
  [["cups", "mail", "-p", "[1]"]],
  [["tokens:create", "--expires", "soon"]],
  [["map-route", "shop", "example.test", "--port", "http"]],
])("%o is a usage error: exit code 2, one line and one line of hint", async (argv) => {
  const { io, out, err } = memoryIo();
  expect(await runCommandLine(argv, io)).toBe(2);
  expect(err()).toMatch(/^error: .+\n.+\n$/);
  expect(out()).toBe("");
});

test("a daemon that does not run is said to be down, with the command that starts it", async () => {
  const { io, err } = memoryIo({ PAAS_HOME: "/nowhere/at/all" });
  expect(await runCommandLine(["apps"], io)).toBe(1);
  expect(err()).toBe(
    "error: The daemon does not run (nothing answers at /nowhere/at/all/paasd.sock).\nStart it with: paas up --detach\n",
  );
});

const local = verbs.filter((verb) => verb.isLocal).map((verb) => verb.name);

test("the verbs that use the machine they run on are known", () => {
  expect(local.toSorted()).toEqual(["doctor", "down", "git:credential", "git:remote", "login", "logout", "up"]);
});

test.each([
  ["up"],
  ["down"],
  ["doctor", "--fix"],
  ["login", "http://paas.example.test"],
  ["logout"],
  ["git:remote", "-a", "shop"],
  ["git:credential", "get"],
  ["keys:add"],
  ["keys:add", "/etc/hostname"],
  ["cups", "mail", "-p", "@/etc/hostname"],
])("over ssh %s is not allowed", async (...argv) => {
  const { io, out, err } = memoryIo({
    PAAS_REMOTE: "1",
    PAAS_URL: "unix:/nowhere.sock",
    PAAS_TOKEN: "t",
    HOME: "/root",
  });
  expect(await runCommandLine(argv, io)).toBe(4);
  expect(err()).toMatch(/^error: .*does not work over ssh\.\n.+\n$/);
  expect(out()).toBe("");
});
