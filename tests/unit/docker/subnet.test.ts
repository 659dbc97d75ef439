import { expect, test } from "vitest";
import { chooseSubnet, parseCidr, parseHostRoutes } from "../../../server/docker/subnet.ts";

test("the first free subnet is taken", () => {
  expect(chooseSubnet([])).toBe("10.210.0.0/20");
  expect(chooseSubnet(["10.210.0.0/20"])).toBe("10.210.16.0/20");
});

test("a network that only overlaps is stepped around", () => {
  expect(chooseSubnet(["10.210.8.0/24", "10.210.17.0/28"])).toBe("10.210.32.0/20");
  expect(chooseSubnet(["10.0.0.0/8"])).toBeUndefined();
});

test("the default route and other networks take nothing", () => {
  expect(chooseSubnet(["0.0.0.0/0", "172.17.0.0/16", "192.168.1.0/24", "not a network"])).toBe("10.210.0.0/20");
});

test("the kernel's routes are read", () => {
  const text =
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nbr0\t0000D20A\t00000000\t0001\t0\t0\t0\t00F0FFFF\t0\t0\t0\n";
  expect(parseHostRoutes(text)).toEqual(["10.210.0.0/20"]);
});

test("what is not a CIDR is not one", () => {
  expect(parseCidr("fe80::/64")).toBeUndefined();
});
