import { beforeAll, expect, test } from "vitest";
import { AppError } from "../../../server/core/errors.ts";
import { checkOwn, readChain } from "../../../server/routes/certs/inspect.ts";
import { type Issued, type TestCa, testCa } from "../../support/test-ca.ts";

const day = 86_400_000;
let ca: TestCa;
let leaf: Issued;

beforeAll(async () => {
  ca = await testCa();
  leaf = await ca.issue(["www.shop.dev", "*.api.shop.dev"]);
});

function refusal(chain: string, key: string, names: readonly string[], now = Date.now()): string {
  try {
    checkOwn(chain, key, names, now);
  } catch (err) {
    if (err instanceof AppError) return `${err.code} ${err.message}`;
    throw err;
  }
  return "none";
}

test("a chain is read: names, issuer, dates, and whether clients can follow it", () => {
  const facts = checkOwn(leaf.cert + ca.issuer + ca.root, leaf.key, ["www.shop.dev", "v1.api.shop.dev"], Date.now());
  expect(facts).toMatchObject({
    names: ["www.shop.dev", "*.api.shop.dev"],
    issuer: "Test Issuer",
    isComplete: true,
  });
  expect(facts.notAfter).toBeGreaterThan(Date.now() + 29 * day);
  expect(readChain(leaf.cert).isComplete).toBe(false);
  expect(readChain(`bag attributes\n${leaf.cert}text\n${ca.issuer}`).chain).toBe(leaf.cert + ca.issuer);
});

test("each thing that is wrong is named", async () => {
  const other = await ca.issue(["www.shop.dev"]);
  const old = await ca.issue(["www.shop.dev"], { notBefore: Date.now() - 9 * day, notAfter: Date.now() - day });
  const early = await ca.issue(["www.shop.dev"], { notBefore: Date.now() + day });
  const names = ["www.shop.dev"];
  expect(refusal(leaf.cert, other.key, names)).toContain("CERT_KEY_MISMATCH");
  expect(refusal(old.cert, old.key, names)).toContain("CERT_EXPIRED");
  expect(refusal(early.cert, early.key, names)).toContain("CERT_NOT_YET");
  expect(refusal(leaf.cert, leaf.key, ["www.shop.dev", "shop.dev"])).toContain(
    "CERT_NAME_MISSING The certificate is not for shop.dev",
  );
  expect(refusal(ca.issuer + leaf.cert, leaf.key, names)).toContain("CERT_CHAIN_ORDER");
  expect(refusal(leaf.cert + other.cert, leaf.key, names)).toContain("CERT_CHAIN_ORDER");
  expect(refusal("nothing", leaf.key, names)).toContain("CERT_UNREADABLE There is no readable certificate");
  expect(refusal(leaf.cert, "nothing", names)).toContain("CERT_UNREADABLE There is no readable private key");
});
