import { expect, test } from "vitest";
import { exposedPort } from "../../../server/builds/exposed-port.ts";

test("the port that is written first wins, not the lowest", () => {
  expect(exposedPort("FROM x\nEXPOSE 3000 80\nEXPOSE 22", [22, 80, 3000])).toBe(3000);
});

test("udp is passed over", () => {
  expect(exposedPort("FROM x\nEXPOSE 53/udp 8000/tcp", [8000])).toBe(8000);
});

test("only the last stage counts", () => {
  expect(exposedPort("FROM a AS build\nEXPOSE 1111\nFROM b\nexpose 2222", [2222])).toBe(2222);
});

test("a port behind a variable is taken from the image", () => {
  expect(exposedPort("FROM x\nARG P=5000\nEXPOSE $P", [5000])).toBe(5000);
});

test("the base image's port is taken when the Dockerfile names none", () => {
  expect(exposedPort("FROM nginx", [80, 443])).toBe(80);
});

test("a line that goes on is one line", () => {
  expect(exposedPort("FROM x\nEXPOSE \\\n  # the app\n  9000 \\\n  80\n", [80, 9000])).toBe(9000);
});

test("a comment is not an instruction", () => {
  expect(exposedPort("FROM x\n# EXPOSE 1\nEXPOSE 2", [1, 2])).toBe(2);
});

test("without any port there is none", () => {
  expect(exposedPort("FROM x\nEXPOSE 53/udp", [])).toBeUndefined();
});
