import fc from "fast-check";
import { expect, test } from "vitest";
import { decide, quoted, type ObjectKind, type PushedRef } from "../../../server/git/decide.ts";
import { parseUpdates } from "../../../server/git/updates.ts";

const one = "1".repeat(40);
const two = "2".repeat(40);
const shop = { appName: "shop", deployBranch: "main" };
const fresh = { appName: "shop", deployBranch: undefined };

function pushed(
  ref: string,
  change: { before?: string; after?: string | undefined; kind?: ObjectKind } = {},
): PushedRef {
  const after = "after" in change ? change.after : two;
  return { ref, before: change.before, after, kind: after === undefined ? undefined : (change.kind ?? "commit") };
}

test("the deploy branch deploys its new commit", () => {
  expect(decide([pushed("refs/heads/main", { before: one })], shop)).toEqual({
    kind: "deploy",
    branch: "main",
    commit: two,
    before: one,
    notes: [],
  });
});

test("another branch is refused with the command that deploys it", () => {
  expect(decide([pushed("refs/heads/feature")], shop)).toEqual({
    kind: "refuse",
    problems: ['Only "main" deploys. To deploy feature: git push paas feature:main'],
  });
});

test("a push with another branch beside the deploy branch is refused as a whole", () => {
  expect(decide([pushed("refs/heads/main"), pushed("refs/heads/feature")], shop).kind).toBe("refuse");
});

test("a command in a hint is safe to paste", () => {
  const decision = decide([pushed("refs/heads/a;rm -rf ~'b")], shop);
  expect(decision).toMatchObject({ problems: [expect.stringContaining(`git push paas 'a;rm -rf ~'\\''b:main'`)] });
});

test("the first push makes its branch the deploy branch", () => {
  expect(decide([pushed("refs/heads/trunk")], fresh)).toMatchObject({ kind: "deploy", branch: "trunk" });
});

test.for([
  [["a", "master", "main"], "main"],
  [["a", "master"], "master"],
])("the first push of %j deploys %s and says that the others are stored", ([names, branch]) => {
  const decision = decide(
    (names as string[]).map((n) => pushed(`refs/heads/${n}`)),
    fresh,
  );
  expect(decision).toMatchObject({
    kind: "deploy",
    branch,
    notes: expect.arrayContaining([`Branch a stored; only "${branch as string}" deploys`]),
  });
});

test("a first push of several branches without a main one is refused", () => {
  const decision = decide([pushed("refs/heads/a"), pushed("refs/heads/b")], fresh);
  expect(decision).toMatchObject({
    kind: "refuse",
    problems: [expect.stringContaining("2 branches"), expect.stringContaining("git push paas a")],
  });
});

test("a tag is stored and said so, whatever it points to", () => {
  for (const kind of ["commit", "tag", "tree", "blob"] as const) {
    expect(decide([pushed("refs/tags/v1", { kind })], shop)).toEqual({
      kind: "store",
      notes: ["Tag v1 stored; tags do not deploy"],
    });
  }
});

test("a tag beside the deploy branch does not hinder it", () => {
  expect(decide([pushed("refs/heads/main"), pushed("refs/tags/v1")], shop)).toMatchObject({
    kind: "deploy",
    commit: two,
  });
});

test("the deploy branch cannot be deleted", () => {
  expect(decide([pushed("refs/heads/main", { before: one, after: undefined })], shop)).toEqual({
    kind: "refuse",
    problems: [
      '"main" is the deploy branch and cannot be deleted.',
      "To remove the app and all it has: paas apps:destroy shop --confirm shop",
    ],
  });
});

test("other refs can be deleted", () => {
  const refs = ["refs/heads/old", "refs/tags/v1"].map((ref) => pushed(ref, { before: one, after: undefined }));
  expect(decide(refs, shop)).toEqual({ kind: "store", notes: ["Branch old deleted", "Tag v1 deleted"] });
});

test("an annotated tag as the branch is refused with the command that pushes its commit", () => {
  const decision = decide([pushed("refs/heads/main", { kind: "tag" })], shop);
  expect(decision).toMatchObject({
    problems: ["An annotated tag cannot be a branch.", expect.stringContaining("TAG^{commit}:refs/heads/main")],
  });
});

test.for(["tree", "blob", "missing"] as const)("a %s as the branch is refused", (kind) => {
  expect(decide([pushed("refs/heads/main", { kind })], shop).kind).toBe("refuse");
});

test("a name that is not UTF-8 is refused", () => {
  expect(decide([pushed("refs/heads/ma\u{fffd}n")], fresh)).toMatchObject({
    problems: [expect.stringContaining("not UTF-8")],
  });
});

test("refs of other kinds are stored", () => {
  expect(decide([pushed("refs/notes/commits")], shop)).toMatchObject({
    kind: "store",
    notes: ['Ref refs/notes/commits stored; only "main" deploys'],
  });
});

const refName = fc.constantFrom("refs/heads/main", "refs/heads/master", "refs/heads/x", "refs/tags/v1", "refs/notes/n");
const anyRef = fc.record({
  ref: refName,
  before: fc.constantFrom(undefined, one),
  after: fc.constantFrom(undefined, two),
  kind: fc.constantFrom<ObjectKind>("commit", "tag", "tree", "blob", "missing"),
});

test("nothing but a commit of the deploy branch is ever deployed, and no branch is accepted unsaid", () => {
  const anyPush = fc.uniqueArray(anyRef, { selector: (r) => r.ref, minLength: 1 });
  fc.assert(
    fc.property(anyPush, fc.constantFrom(undefined, "main", "x"), (raw, deployBranch) => {
      const refs = raw.map((r) => ({ ...r, kind: r.after === undefined ? undefined : r.kind }));
      const decision = decide(refs, { appName: "shop", deployBranch });
      if (decision.kind === "refuse") return decision.problems.length > 0;
      const branches = refs.filter((r) => r.ref.startsWith("refs/heads/") && r.after !== undefined);
      if (decision.kind === "store") return branches.length === 0 && decision.notes.length === refs.length;
      const update = refs.find((r) => r.ref === `refs/heads/${decision.branch}`);
      return (
        update?.after === decision.commit &&
        update.kind === "commit" &&
        (deployBranch ?? decision.branch) === decision.branch
      );
    }),
  );
});

test("a quoted word means itself to a shell", () => {
  expect(["feature:main", "a b", "it's", "$HOME", ""].map(quoted)).toEqual([
    "feature:main",
    "'a b'",
    "'it'\\''s'",
    "'$HOME'",
    "''",
  ]);
});

test("the hook's lines are read, zero ids as no object", () => {
  const zero = "0".repeat(40);
  expect(parseUpdates([`${zero} ${one} refs/heads/main`, `${one} ${zero} refs/heads/a b`, "nonsense"])).toEqual([
    { ref: "refs/heads/main", before: undefined, after: one },
    { ref: "refs/heads/a b", before: one, after: undefined },
  ]);
});
