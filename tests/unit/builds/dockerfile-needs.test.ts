import { expect, test } from "vitest";
import { mountedSecrets, needsBuildkit } from "../../../server/builds/dockerfile-needs.ts";

test.each([
  ["RUN --mount=type=cache,target=/x npm ci", true],
  ["run --network=none make", true],
  ["COPY --from=a --link /x /y", true],
  ["COPY --chmod=755 x /y", true],
  ["RUN <<EOF\necho\nEOF", true],
  ["ARG TARGETARCH", true],
  ["# syntax=docker/dockerfile:1\nFROM a", true],
  ["FROM a\nCOPY --from=b --chown=1 x y\nRUN echo '--mount=x'\nRUN cat < x", false],
])("%j: %s", (text, needs) => {
  expect(needsBuildkit(text)).toBe(needs);
});

test("secrets that steps mount are found by their id", () => {
  const text =
    "RUN --mount=type=cache,target=/x --mount=id=A,type=secret a\nRUN --mount=type=secret,id=B,target=/b b && --mount=type=secret,id=A";
  expect(mountedSecrets(text)).toEqual(["A", "B"]);
});
