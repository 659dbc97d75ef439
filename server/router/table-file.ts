import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import path from "node:path";
import type { RoutingTable, TableRoute, Target, TcpTableRoute } from "./protocol.ts";

export const emptyTable: RoutingTable = { version: 0, routes: [] };

/** The table that was in force last; undefined when there is none. @throws when the file is there and cannot be used */
export function loadTable(file: string): RoutingTable | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
  const table: unknown = JSON.parse(text);
  if (!isRoutingTable(table)) throw new TypeError(`${file} holds no routing table`);
  return table;
}

export function saveTable(file: string, table: RoutingTable): Promise<void> {
  return saveJson(file, table);
}

/** Mode 0600. Whole or not at all, also when the power goes. One call at a time for a file. */
export async function saveJson(file: string, value: object): Promise<void> {
  const temporary = `${file}.new`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(JSON.stringify(value));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const folder = await open(path.dirname(file), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function isRoutingTable(value: unknown): value is RoutingTable {
  const table = value as Partial<RoutingTable> | undefined;
  return (
    Number.isSafeInteger(table?.version) &&
    Array.isArray(table?.routes) &&
    table.routes.every(isRoute) &&
    isTcp(table.tcp)
  );
}

function isTcp(value: unknown): boolean {
  if (value === undefined) return true;
  if (!Array.isArray(value)) return false;
  return value.every((route: Partial<TcpTableRoute> | null) => {
    return isPort(route?.listenPort) && Array.isArray(route?.targets) && route.targets.every(isTarget);
  });
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

function isRoute(value: unknown): value is TableRoute {
  const route = value as Partial<TableRoute> | null;
  if (typeof route?.host !== "string" || typeof route.path !== "string" || !route.path.startsWith("/")) return false;
  if (route.app !== undefined && typeof route.app !== "string") return false;
  const isKnownState = ["blank", "stopped", "starting", "running", "crashed"].includes(route.state ?? "");
  return isKnownState && Array.isArray(route.targets) && route.targets.every(isTarget);
}

function isTarget(value: unknown): value is Target {
  const target = value as Partial<Target> | null;
  if (typeof target?.id !== "string" || typeof target.name !== "string" || typeof target.host !== "string")
    return false;
  return isPort(target.port);
}
