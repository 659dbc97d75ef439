/** What is served and how, whichever file said so. Texts are the user's own: `conf.ts` quotes them. */
export interface StaticSettings {
  /** Folder that is served; the empty string is the top of the repository. */
  readonly root: string;
  /** Any path without a file answers index.html, as single-page apps need. */
  readonly isSinglePage: boolean;
  /** A folder without an index lists its files. */
  readonly listsFolders: boolean;
  /** Server-side includes. */
  readonly hasIncludes: boolean;
  readonly showsDotFiles: boolean;
  readonly forcesHttps: boolean;
  /** Value of Strict-Transport-Security. */
  readonly hsts: string | undefined;
  /** Who may see it: a file of user:hash lines, or the config vars BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD. */
  readonly auth: "file" | "config" | undefined;
  /** Status code → path of a page below the root. */
  readonly errorPages: Readonly<Record<string, string>>;
  /** `/about` answers about.html. */
  readonly hasCleanUrls: boolean;
  /** In order: a path without a file that matches the pattern (`/app/**`) answers this file. */
  readonly routes: readonly PatternRule[];
  readonly redirects: readonly (PatternRule & { readonly status: number })[];
  readonly headers: readonly (PatternRule & { readonly name: string })[];
  readonly logsRequests: boolean;
  readonly notes: readonly string[];
}

export interface PatternRule {
  /** A path in which `*` stands for a name and `**` for anything. */
  readonly pattern: string;
  readonly value: string;
}

export const authFile = "Staticfile.auth";

export const plainSettings: StaticSettings = {
  root: "",
  isSinglePage: false,
  listsFolders: false,
  hasIncludes: false,
  showsDotFiles: false,
  forcesHttps: false,
  hsts: undefined,
  auth: undefined,
  errorPages: {},
  hasCleanUrls: false,
  routes: [],
  redirects: [],
  headers: [],
  logsRequests: true,
  notes: [],
};
