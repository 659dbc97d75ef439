import path from "node:path";

/** The clone: both `cli/`, where this file is, and `dist/`, where the bundle is, are one below. */
export const root = path.dirname(import.meta.dirname);
