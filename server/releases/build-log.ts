import { createWriteStream } from "node:fs";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { finished } from "node:stream/promises";
import type { AppId } from "../core/ids.ts";
import { LineOutput, tee, type Output } from "../core/output.ts";
import type { App } from "../core/types.ts";
import type { BuildOutput } from "./deps.ts";

/** Of each app, the newest. */
export const keptOutputs = 50;
/** Of one build; a step that prints without end must not fill the disk. */
const maxOutputBytes = 8 * 1024 ** 2;

export interface BuildLogs {
  /** What is written goes to the pusher, to the build's own file and to the app's log. */
  open(app: App, build: { readonly id: string; readonly number: number }, pusher: Output): BuildOutput;
  /** Everything that a build said; undefined when it is not kept any more. */
  read(appId: AppId, buildId: string): Promise<string | undefined>;
  remove(appId: AppId): Promise<void>;
}

export function createBuildLogs(dir: string, append: (appId: AppId, process: string, text: string) => void): BuildLogs {
  const fileOf = (appId: AppId, buildId: string) => path.join(dir, appId, `${buildId}.log`);
  return {
    open(app, build, pusher) {
      // The folder is there before the first line is flushed: writes wait for the open.
      const opened = mkdir(path.join(dir, app.id), { recursive: true });
      const lines: string[] = [];
      let bytes = 0;
      let file: ReturnType<typeof createWriteStream> | undefined;
      const ready = opened.then(async () => {
        await removeOldest(path.join(dir, app.id), keptOutputs - 1);
        file = createWriteStream(fileOf(app.id, build.id), { flags: "a", mode: 0o600 });
        for (const line of lines.splice(0)) file.write(`${line}\n`);
      });
      const kept = new LineOutput((line) => {
        if (bytes < maxOutputBytes) {
          bytes += line.length + 1;
          const shown = bytes < maxOutputBytes ? line : "       … the rest of the output is not kept";
          if (file) file.write(`${shown}\n`);
          else lines.push(shown);
        }
        append(app.id, `build.${build.number}`, line);
      });
      return {
        out: tee(pusher, kept),
        async [Symbol.asyncDispose]() {
          kept.flush();
          await ready;
          file?.end();
          if (file) await finished(file);
        },
      };
    },
    async read(appId, buildId) {
      return await readFile(fileOf(appId, buildId), "utf8").catch(() => undefined);
    },
    remove: (appId) => rm(path.join(dir, appId), { recursive: true, force: true }),
  };
}

/** Removes all files of a folder but the newest. */
async function removeOldest(folder: string, kept: number): Promise<void> {
  const names = await readdir(folder);
  if (names.length <= kept) return;
  const files = await Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      return { file, at: (await stat(file)).mtimeMs };
    }),
  );
  const oldest = files.toSorted((a, b) => b.at - a.at).slice(kept);
  await Promise.all(oldest.map(({ file }) => rm(file, { force: true })));
}
