import type { Available, Buildpack, PlanResult, PlanStep, SourceView } from "../../server/builds/plan.ts";
import { web } from "../../server/core/ids.ts";
import { isRefusal } from "../reading.ts";
import { databaseScript } from "./database.ts";
import { dependencyLayer, fromLayer, layerEnv } from "./dependencies.ts";
import { type BuildTool, chooseTool, type Framework } from "./tool.ts";
import { chooseJdk } from "./versions.ts";

const looksFor = ["pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradlew"];

export const java: Buildpack = {
  name: "java",
  looksFor,
  detect: (source) => looksFor.some((file) => source.has(file)),
  plan: planJava,
};

function planJava(source: SourceView, available: Available): PlanResult {
  const tool = chooseTool(source);
  if (isRefusal(tool)) return tool;
  const jdk = chooseJdk(source, tool.buildFile, available.java);
  if (isRefusal(jdk)) return jdk;
  const layer = dependencyLayer(source, tool);
  return {
    ok: true,
    plan: {
      buildpack: "java",
      runtime: `java ${jdk}`,
      system: { build: [`openjdk-${jdk}-jdk-headless`, ...tool.packages], run: [`openjdk-${jdk}-jre-headless`] },
      layers: layer === undefined ? [] : [layer],
      build: buildStep(layer === undefined ? tool : { ...tool, argv: [...tool.argv, ...fromLayer], env: layerEnv }),
      env: runEnv,
      bootTimeoutMs,
      path: [],
      processes: tool.jar === undefined ? [] : [{ type: web, command: startCommand(tool.framework, tool.jar) }],
      notes: notesFor(source, tool),
    },
  };
}

/** A JVM loads and compiles its classes as it starts, with the app's share of a CPU; Heroku gives it as long. */
const bootTimeoutMs = 90_000;

/** The JVM sees the memory limit of its container; a quarter of it, its own default for the heap, wastes the rest. */
const runEnv = {
  JAVA_TOOL_OPTIONS: "-XX:MaxRAMPercentage=70 -XX:+ExitOnOutOfMemoryError",
} as const;

// $1 is the script that reads DATABASE_URL at start.
const profile = `set -eu
mkdir -p .profile.d
printf %s "$1" >.profile.d/jdbc.sh`;

/** What is not in the layer is in the app's cache: with unchanged dependencies nothing is fetched again. */
function buildStep(tool: BuildTool): PlanStep {
  return {
    title: `Building (${tool.shown})`,
    files: [],
    commands: [
      {
        argv: tool.argv,
        name: tool.shown,
        user: "app",
        env: tool.env,
        withConfig: true,
        hint: `Run ${tool.shown} in a fresh clone to see the same, correct it and push again.`,
      },
      {
        argv: ["sh", "-c", profile, "write-profile", databaseScript],
        name: "write .profile.d/jdbc.sh",
        user: "app",
        withConfig: false,
        hint: ".profile.d is in the repository and is not a folder.",
      },
    ],
  };
}

const portOptions: Readonly<Record<Framework, string>> = {
  spring: "-Dserver.port=$PORT",
  quarkus: "-Dquarkus.http.port=$PORT -Dquarkus.http.host=0.0.0.0",
  micronaut: "-Dmicronaut.server.port=$PORT",
  other: "-Dserver.port=$PORT",
};

function startCommand(framework: Framework, jar: string): string {
  return `java ${portOptions[framework]} $JAVA_OPTS -jar ${jar}`;
}

function notesFor(source: SourceView, tool: BuildTool): readonly string[] {
  if (tool.jar !== undefined || source.has("Procfile")) return [];
  return [
    "Several modules: say which one serves, in a Procfile like: web: java -Dserver.port=$PORT $JAVA_OPTS -jar server/target/*.jar",
  ];
}
