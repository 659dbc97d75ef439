// npm run bench               what a user waits for
// npm run bench -- NAME …     the parts that are named: platform, builds, languages, router

/** A part is loaded when it runs: it measures nothing of the others. */
const parts: Readonly<Record<string, () => Promise<void>>> = {
  platform: async () => (await import("./platform.ts")).benchPlatform(),
  builds: async () => (await import("./builds.ts")).benchBuilds(),
  languages: async () => (await import("./languages.ts")).benchLanguages(),
  router: async () => (await import("./router.ts")).benchRouter(),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => parts[name] === undefined);
if (unknown.length > 0) {
  process.stderr.write(`There is no bench ${unknown.join(", ")}; there are: ${Object.keys(parts).join(", ")}\n`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : ["platform"]) {
  process.stdout.write(`== ${name}\n`);
  await parts[name]?.();
}
