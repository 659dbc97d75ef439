import { and, desc, eq, lte, max, ne } from "./drizzle.ts";
import type { AppId } from "../core/ids.ts";
import type { Db } from "./open.ts";
import { tasks } from "./schema.ts";

export type TaskStore = ReturnType<typeof createTaskStore>;

export interface TaskRecord {
  readonly id: string;
  readonly appId: AppId;
  /** 1, 2, … per app; the task is `run.3`. */
  readonly number: number;
  readonly version: number;
  readonly command: readonly string[];
  readonly status: "running" | "succeeded" | "failed";
  readonly exitCode: number | undefined;
  readonly actor: string;
  readonly createdAt: number;
  readonly finishedAt: number | undefined;
}

/** Ended tasks of an app that are remembered. */
const kept = 500;

/** History of one-off runs. Synchronous. */
export function createTaskStore(db: Db) {
  return {
    /** Gives the task its number, and forgets the oldest ones. */
    insert(task: Pick<TaskRecord, "id" | "appId" | "version" | "command" | "actor" | "createdAt">): TaskRecord {
      const last = db
        .select({ n: max(tasks.number) })
        .from(tasks)
        .where(eq(tasks.appId, task.appId))
        .get();
      const number = (last?.n ?? 0) + 1;
      db.insert(tasks)
        .values({ ...task, number, status: "running" })
        .run();
      db.delete(tasks)
        .where(and(eq(tasks.appId, task.appId), ne(tasks.status, "running"), lte(tasks.number, number - kept)))
        .run();
      return { ...task, number, status: "running", exitCode: undefined, finishedAt: undefined };
    },

    /** Without an exit code it failed: nobody knows how it ended. The first end counts. */
    finish(id: string, exitCode: number | undefined, at: number): void {
      const status = exitCode === 0 ? "succeeded" : "failed";
      db.update(tasks)
        .set({ status, exitCode: exitCode ?? null, finishedAt: at })
        .where(and(eq(tasks.id, id), eq(tasks.status, "running")))
        .run();
    },

    /** Newest first. */
    list: (appId: AppId): readonly TaskRecord[] =>
      db.select().from(tasks).where(eq(tasks.appId, appId)).orderBy(desc(tasks.number)).all().map(toRecord),

    running: (): readonly TaskRecord[] =>
      db.select().from(tasks).where(eq(tasks.status, "running")).all().map(toRecord),
  };
}

function toRecord(row: typeof tasks.$inferSelect): TaskRecord {
  return {
    ...row,
    appId: row.appId as AppId,
    command: row.command as readonly string[],
    status: row.status as TaskRecord["status"],
    exitCode: row.exitCode ?? undefined,
    finishedAt: row.finishedAt ?? undefined,
  };
}
