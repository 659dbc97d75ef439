import type { RoutingTable, TableRoute } from "./protocol.ts";

/** Where a route stands in a table: there is one route for a place. */
export type Place = Pick<TableRoute, "host" | "path">;

/** What makes the next table of one that both sides have: small, however large they are. */
export interface TableChange extends Omit<RoutingTable, "routes"> {
  /** Version of the table that it is made of. */
  readonly base: number;
  /** New, or other than before. */
  readonly put: readonly TableRoute[];
  readonly dropped: readonly Place[];
}

export function placeOf({ host, path }: Place): string {
  return `${host} ${path}`;
}

/** The next table. Routes that stay are the same objects. */
export function changed(table: RoutingTable, { base: _, put, dropped, ...rest }: TableChange): RoutingTable {
  const routes = new Map(table.routes.map((route) => [placeOf(route), route]));
  for (const place of dropped) routes.delete(placeOf(place));
  for (const route of put) routes.set(placeOf(route), route);
  return { ...rest, routes: [...routes.values()] };
}

/** The routes that another side was told last, to tell it only what has changed since. */
export class ToldRoutes {
  #version = 0;
  /** Place → the route as JSON. */
  #told: ReadonlyMap<string, string> | undefined;

  /** What it has to be told for `table`; all of it where nothing is known of it. */
  tell(table: RoutingTable): TableChange | undefined {
    const { routes, ...rest } = table;
    const before = this.#told;
    const base = this.#version;
    const texts = new Map<string, string>();
    const put: TableRoute[] = [];
    for (const route of routes) {
      const [place, text] = [placeOf(route), JSON.stringify(route)];
      texts.set(place, text);
      if (before?.get(place) !== text) put.push(route);
    }
    this.#told = texts;
    this.#version = table.version;
    // Of two for one place nobody can tell which one a change concerns.
    if (before === undefined || texts.size !== routes.length) return undefined;
    const dropped = [...before.keys()].filter((place) => !texts.has(place)).map(fromText);
    return { ...rest, base, put, dropped };
  }

  /** It has another table, or none. */
  forget(): void {
    this.#told = undefined;
  }
}

function fromText(place: string): Place {
  const blank = place.indexOf(" ");
  return { host: place.slice(0, blank), path: place.slice(blank + 1) };
}
