import type { SystemPackages } from "../../server/builds/system-packages.ts";

interface Library {
  readonly build: readonly string[];
  readonly run: readonly string[];
}

/** What gems with native parts link to, beside what is on the stack. */
const libraries: Readonly<Record<string, Library>> = {
  mysql2: { build: ["libmariadb-dev"], run: ["libmariadb3"] },
  trilogy: { build: ["libssl-dev"], run: [] },
  sqlite3: { build: ["libsqlite3-dev"], run: ["libsqlite3-0"] },
  "ruby-vips": { build: [], run: ["libvips42t64"] },
  rmagick: { build: ["libmagickwand-dev"], run: ["libmagickwand-7.q16-10"] },
  charlock_holmes: { build: ["libicu-dev"], run: [] },
  // Its gems run JavaScript while assets are made, and some while pages are.
  execjs: { build: [], run: ["nodejs"] },
};

const always: Library = {
  build: ["libssl-dev", "libyaml-dev", "ruby-dev", "zlib1g-dev"],
  run: ["bundler", "libyaml-0-2", "ruby"],
};

/** Debian packages for these gems. */
export function systemPackages(gems: ReadonlySet<string>): SystemPackages {
  const needed = Object.entries(libraries).flatMap(([gem, library]) => (gems.has(gem) ? [library] : []));
  const all = [always, ...needed];
  return { build: all.flatMap((l) => l.build), run: all.flatMap((l) => l.run) };
}
