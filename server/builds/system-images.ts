import type { BuildContext, StackImages } from "./build-context.ts";
import { BuildFailed } from "./failure.ts";
import {
  installFailure,
  notPackageNames,
  planSystem,
  type SystemImage,
  type SystemPackages,
} from "./system-packages.ts";

const shownNames = 8;
const shownLines = 20;
const keptOutput = 64 * 1024;
const env = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  DEBIAN_FRONTEND: "noninteractive",
  LC_ALL: "C",
};

/** The stack with these packages, made first where it is missing. @throws BuildFailed that names what cannot be had */
export async function withSystemPackages(
  context: BuildContext,
  stack: StackImages,
  system: SystemPackages,
): Promise<StackImages> {
  const bad = notPackageNames([...system.build, ...system.run]);
  if (bad.length > 0) {
    throw new BuildFailed(
      `Not the name of a Debian package: ${bad.map((name) => JSON.stringify(name)).join(", ")}.`,
      "A name has small letters, digits and + - . in it, like libvips-dev: correct it and push again.",
    );
  }
  const planned = planSystem(stack, system);
  context.used(planned.images.map((image) => image.ref));
  const missing = await missingOf(context, planned.images);
  const [shown] = missing.toSorted((a, b) => b.packages.length - a.packages.length);
  if (shown === undefined) {
    if (planned.images.length > 0) context.out.detail("System packages unchanged, reused");
    return planned.stack;
  }
  context.out.step(`Installing system packages (${listed(shown.packages)})`);
  // Before the lock: who holds it must not wait for a place that another holds who waits for the lock.
  await context.admit();
  await context.timed("install system packages", () =>
    allOrFirstFailure(missing.map((image) => make(context, image, image === shown))),
  );
  return planned.stack;
}

async function missingOf({ engine, signal }: BuildContext, images: readonly SystemImage[]) {
  const found = await Promise.all(images.map((image) => engine.hasImage(image.ref, signal)));
  return images.filter((_, index) => found[index] !== true);
}

/** Builds that need the same packages at once wait for the first; when that fails the next one tries. */
function make(context: BuildContext, image: SystemImage, isShown: boolean): Promise<void> {
  const { engine, signal, onePerKey } = context;
  return onePerKey.run(image.ref, signal, async () => {
    if (await engine.hasImage(image.ref, signal)) return;
    await install(context, image, isShown);
  });
}

async function install(context: BuildContext, image: SystemImage, isShown: boolean): Promise<void> {
  const { engine, owner, limits, out, signal } = context;
  const id = await engine.create({ owner, image: image.from, run: { limits, withCache: false } });
  try {
    await engine.start(id, signal);
    await apt(["update", "-o", "APT::Update::Error-Mode=any"]);
    // Without patterns a name is a name: "." would match any character.
    await apt(["-y", "-o", "APT::Cmd::Pattern-Only=true", "install", "--", ...image.packages]);
    await apt(["distclean"]);
    signal.throwIfAborted();
    await engine.commit(id, { kind: "system", ref: image.ref, from: image.from, packages: image.packages });
  } finally {
    context.remove(id);
  }

  async function apt(args: readonly string[]): Promise<void> {
    const seen = new Lines((line) => {
      const done = /^Setting up (\S+) \((\S+)\)/.exec(line);
      if (isShown && done) out.detail(`${done[1]} ${done[2]}`);
    });
    const spec = { argv: ["apt-get", "-qq", ...args], user: "root", env } as const;
    const code = await engine.exec(id, spec, (chunk) => seen.push(chunk), signal);
    if (code === 0) return;
    const { reason, hint } = installFailure(seen.text, code);
    for (const line of seen.last(shownLines)) out.detail(line);
    throw new BuildFailed(reason, hint);
  }
}

/** Waits for all, so that nothing is still being made when the build ends. */
async function allOrFirstFailure(work: readonly Promise<void>[]): Promise<void> {
  const settled = await Promise.allSettled(work);
  const failed = settled.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/** Output by whole lines, the end of it kept. */
class Lines {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #partial = "";
  text = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    const text = this.#decoder.decode(chunk, { stream: true });
    this.text = (this.text + text).slice(-keptOutput);
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#onLine(line);
  }

  last(count: number): readonly string[] {
    return this.text.trimEnd().split("\n").slice(-count);
  }
}

function listed(packages: readonly string[]): string {
  const more = packages.length > shownNames ? ` and ${packages.length - shownNames} more` : "";
  return `${packages.slice(0, shownNames).join(", ")}${more}`;
}
