import type { Sealer } from "../core/seal.ts";
import { loadJson } from "./sealed-file.ts";
import type { RoutingTable, TableRoute, Target, TcpTableRoute } from "./protocol.ts";

export const emptyTable: RoutingTable = { version: 0, routes: [] };

/** The table that was in force last; undefined when there is none. @throws when the file is there and cannot be used */
export function loadTable(file: string, sealer: Sealer | undefined): RoutingTable | undefined {
  const table = loadJson(file, sealer);
  if (table === undefined) return undefined;
  if (!isRoutingTable(table)) throw new TypeError(`${file} holds no routing table`);
  return table;
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
