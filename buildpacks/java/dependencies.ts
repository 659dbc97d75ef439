import path from "node:path";
import type { PlanCommand, PlanLayer, SourceView } from "../../server/builds/plan.ts";
import { readIfSmall } from "../reading.ts";
import { anonymous, readPoms } from "./pom.ts";
import { appRepository, type BuildTool, mavenArgv, mavenEnv } from "./tool.ts";

const home = "/opt/maven";
const repository = `${home}/repository`;
const stub = "src/main/java/PaasStub.java";
const stubText = "public class PaasStub { public static void main(String[] words) {} }\n";
const wrapperFiles = ["mvnw", ".mvn"];

// "$@" is Maven with its options, up to the repository. The project has no code of its own yet, so that some plugin may fail: what it
// would have fetched comes with the app. The second run takes what was needed out of all that the app ever fetched.
const fetch = `set -u
"$@" -Dmaven.repo.local=${appRepository} -fae package >/tmp/fetched 2>&1 ||
  if grep -q 'Could not transfer artifact' /tmp/fetched; then
    cat /tmp/fetched
    exit 1
  fi
cat >/tmp/settings.xml <<'END'
<settings><mirrors><mirror><id>fetched</id><mirrorOf>*</mirrorOf><url>file://${appRepository}</url></mirror></mirrors></settings>
END
"$@" -Dmaven.repo.local=${repository} -s /tmp/settings.xml -fae package >/tmp/taken 2>&1 ||
  echo "Not all could be fetched ahead of the app: the rest comes with it"
mkdir -p ${repository}
du -sh ${repository} | sed 's/\\s.*/ fetched/'`;

// $@ are the folders of modules.
const clean = `for folder; do rm -rf "$folder/target" "$folder/${stub}"; done`;

/**
 * A layer with what Maven fetches, keyed by the poms alone. Undefined for Gradle, and where it takes config vars or settings
 * of the project's own to fetch something.
 */
export function dependencyLayer(source: SourceView, tool: BuildTool): PlanLayer | undefined {
  const poms = tool.buildFile === "pom.xml" ? readPoms(source) : undefined;
  if (poms === undefined || poms.some((pom) => pom.text.includes("${env.")) || hasSettings(source)) return undefined;
  const [only, ...more] = poms;
  const isLone = more.length === 0;
  const inputs = poms.flatMap(({ folder, text }) => [
    [path.posix.join(folder, "pom.xml"), isLone ? anonymous(text) : text] as const,
    [path.posix.join(folder, stub), stubText] as const,
  ]);
  if (only === undefined || !/<dependenc|<parent>|<plugin>/.test(only.text)) return undefined;
  const command = (argv: readonly string[], name: string, hint: string): PlanCommand => ({
    ...{ argv, name, hint, user: "app", env: mavenEnv(home), withConfig: false },
  });
  return {
    name: "dependencies",
    title: "Fetching dependencies (Maven)",
    files: wrapperFiles.filter((file) => source.has(file)),
    inputs: Object.fromEntries(inputs),
    commands: [
      {
        argv: ["install", "-d", "-o", "1000", "-g", "1000", home],
        ...{ user: "root", withConfig: false, hint: `${home} could not be made.` },
      },
      command(
        ["bash", "-c", fetch, "fetch", ...mavenArgv(source)],
        "fetch dependencies",
        "Check that every dependency and plugin of pom.xml is published, then push again.",
      ),
      command(
        ["sh", "-c", clean, "clean", ...poms.map(({ folder }) => folder || ".")],
        "clean",
        "A folder target cannot be removed.",
      ),
    ],
    launch: false,
    keep: [home],
  };
}

/** Maven with a repository of its own that fills from the layer. https://maven.apache.org/configure.html (maven.repo.local.tail) */
export const fromLayer: readonly string[] = [`-Dmaven.repo.local.tail=${repository}`];

export const layerEnv = mavenEnv(home);

function hasSettings(source: SourceView): boolean {
  return /(?:^|\s)(?:-s|-gs|--settings|--global-settings)\b/.test(readIfSmall(source, ".mvn/maven.config") ?? "");
}
