import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { goProgram } from "../../support/go-program.ts";
import { routeTo, startInstance, startSecureDataPath } from "./harness.ts";

const h2spec = {
  module: "github.com/summerwind/h2spec",
  version: "v2.2.1+incompatible",
  command: "cmd/h2spec",
  // Debian 13's Go can build these, the newest want a newer one.
  needs: ["golang.org/x/net v0.46.0", "github.com/spf13/cobra v1.10.2", "github.com/fatih/color v1.18.0"],
};

test("h2spec finds nothing that HTTP/2 and HPACK do not allow, strict cases too", { timeout: 600_000 }, async () => {
  const program = await goProgram(h2spec);
  await using app = await startInstance(
    (req, res) => void req.resume().once("end", () => res.end("long enough for its tests")),
  );
  await using router = await startSecureDataPath([routeTo([app.target], { host: "127.0.0.1" })], {}, ["localhost"]);
  const folder = await mkdtemp(path.join(tmpdir(), "h2spec-"));
  try {
    const report = path.join(folder, "report.xml");
    const how = ["--tls", "--insecure", "--strict", "--timeout", "5", "--junit-report", report];
    // Its exit code says no more than the report.
    await promisify(execFile)(program, [...how, "--port", String(router.port)]).catch(() => {});
    const cases = (await readFile(report, "utf8")).split("<testcase ").slice(1);
    const failed = cases.filter((one) => /<(?:failure|error|skipped)/.test(one));
    expect(failed).toEqual([]);
    expect(cases).toHaveLength(146);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
