import { createWriteStream } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { finished } from "node:stream/promises";
import type { AppId } from "../core/ids.ts";
import { LineOutput, tee, type Output } from "../core/output.ts";
import type { App } from "../core/types.ts";
import type { BuildOutput } from "./deps.ts";

export interface BuildLogs {
  /** What is written goes to the pusher, to the build's own file and to the app's log. */
  open(app: App, build: { readonly id: string; readonly number: number }, pusher: Output): BuildOutput;
  /** Everything that a build said, "" when nothing is kept. */
  read(appId: AppId, buildId: string): Promise<string>;
  remove(appId: AppId): Promise<void>;
}

export function createBuildLogs(dir: string, append: (appId: AppId, process: string, text: string) => void): BuildLogs {
  const fileOf = (appId: AppId, buildId: string) => path.join(dir, appId, `${buildId}.log`);
  return {
    open(app, build, pusher) {
      // The folder is there before the first line is flushed: writes wait for the open.
      const opened = mkdir(path.join(dir, app.id), { recursive: true });
      const lines: string[] = [];
      let file: ReturnType<typeof createWriteStream> | undefined;
      const ready = opened.then(() => {
        file = createWriteStream(fileOf(app.id, build.id), { flags: "a", mode: 0o600 });
        for (const line of lines.splice(0)) file.write(`${line}\n`);
      });
      const kept = new LineOutput((line) => {
        if (file) file.write(`${line}\n`);
        else lines.push(line);
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
      return await readFile(fileOf(appId, buildId), "utf8").catch(() => "");
    },
    remove: (appId) => rm(path.join(dir, appId), { recursive: true, force: true }),
  };
}
