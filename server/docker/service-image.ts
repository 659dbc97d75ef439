import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type Docker from "dockerode";
import { AppError, isAppError, messageOf } from "../core/errors.ts";
import type { Output } from "../core/output.ts";
import type { ImageRecipe } from "../services/ports.ts";
import { bounded } from "./bounded.ts";
import { stackImages } from "./stack-images.ts";

const shortMs = 30_000;
const buildMs = 15 * 60_000;

interface RecipeFile {
  readonly path: string;
  readonly content: string;
}

/** Name of the image made from the recipe's files on its base; built when this machine has none of that content. */
export async function ensureServiceImage(
  docker: Docker,
  recipe: ImageRecipe,
  out: Output,
  signal: AbortSignal,
): Promise<string> {
  const images = stackImages(docker);
  const files = await readRecipe(recipe.dir);
  const version = contentHash(recipe, files);
  const ref = `paas/service-${recipe.name}:${version}`;
  if (await bounded("look for a service image", shortMs, signal, () => images.has(ref))) return ref;
  out.step(`Making the ${recipe.name} image (once on this machine)`);
  const recipeText = files.find((file) => file.path === "Dockerfile")?.content ?? "";
  const dockerfile = `ARG BASE=${recipe.base.runImage}\n${recipeText}`;
  const onOutput = (text: string) => out.raw(text);
  const build = { ref, stack: `${recipe.name}-${version}`, dockerfile, files, onOutput };
  try {
    await bounded("make a service image", buildMs, signal, (within) => images.build(build, within));
  } catch (err) {
    if (signal.aborted || isAppError(err, "ENGINE_UNAVAILABLE")) throw err;
    throw new AppError("SERVICE_IMAGE_FAILED", { image: recipe.name, reason: reasonOf(err) }, { cause: err });
  }
  return ref;
}

/** The engine repeats the whole command of the step that failed. */
function reasonOf(err: unknown): string {
  const code = /returned a non-zero code: (\d+)/.exec(messageOf(err))?.[1];
  return code === undefined ? messageOf(err).replace(/\.$/, "") : `a step of it ended with code ${code}`;
}

async function readRecipe(dir: string): Promise<readonly RecipeFile[]> {
  const names = (await readdir(dir)).sort();
  return await Promise.all(
    names.map(async (name) => ({ path: name, content: await readFile(path.join(dir, name), "utf8") })),
  );
}

function contentHash(recipe: ImageRecipe, files: readonly RecipeFile[]): string {
  return createHash("sha256")
    .update(JSON.stringify([recipe.base.id, files]))
    .digest("hex")
    .slice(0, 12);
}
