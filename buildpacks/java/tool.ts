import type { SourceView } from "../../server/builds/plan.ts";
import { readIfSmall, type Refusal, refuse } from "../reading.ts";

export interface BuildTool {
  readonly buildFile: string;
  readonly argv: readonly string[];
  /** As people write it: `mvn package`. */
  readonly shown: string;
  /** Debian packages beside the JDK. */
  readonly packages: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What the default command starts, by the shell's patterns; undefined when there may be several. */
  readonly jar: string | undefined;
  readonly framework: Framework;
}

export type Framework = "spring" | "quarkus" | "micronaut" | "other";

// By its option: HOME says nothing to Java, and MAVEN_ARGS nothing to the older Mavens of wrappers.
const mavenOptions = ["-B", "-ntp", "-DskipTests"];
/** In the app's cache. */
export const appRepository = "/cache/m2/repository";

/** Maven, up to what it is to do. */
export function mavenArgv(source: SourceView): readonly string[] {
  return [...(hasWrapper(source) ? ["sh", "./mvnw"] : ["mvn"]), ...mavenOptions];
}

/** A wrapper keeps its Maven in `home`. */
export function mavenEnv(home: string): Readonly<Record<string, string>> {
  return {
    MAVEN_USER_HOME: home,
    MAVEN_OPTS: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dstyle.color=never",
  };
}

function hasWrapper(source: SourceView): boolean {
  return source.has("mvnw") && source.has(".mvn/wrapper/maven-wrapper.properties");
}

export function chooseTool(source: SourceView): BuildTool | Refusal {
  if (source.has("pom.xml")) return maven(source);
  const buildFile = ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"].find((file) =>
    source.has(file),
  );
  return gradle(source, buildFile ?? "gradlew");
}

function maven(source: SourceView): BuildTool {
  const pom = readIfSmall(source, "pom.xml") ?? "";
  const framework = frameworkOf(pom);
  const packaging = /<packaging>\s*(\w+)\s*</.exec(pom)?.[1] ?? "jar";
  return {
    buildFile: "pom.xml",
    argv: [...mavenArgv(source), `-Dmaven.repo.local=${appRepository}`, "package"],
    shown: hasWrapper(source) ? "./mvnw package" : "mvn package",
    packages: hasWrapper(source) ? [] : ["maven"],
    env: mavenEnv("/cache/m2"),
    jar: /<modules>/.test(pom) || packaging === "pom" ? undefined : jarOf("target", framework, packaging),
    framework,
  };
}

function gradle(source: SourceView, buildFile: string): BuildTool | Refusal {
  if (!source.has("gradlew") || !source.has("gradle/wrapper/gradle-wrapper.properties")) {
    return refuse(
      `${buildFile} is there, but not the Gradle wrapper, which says which Gradle builds it.`,
      "Run gradle wrapper, commit gradlew and gradle/wrapper/ (the jar too), and push again.",
    );
  }
  const text = readIfSmall(source, buildFile) ?? "";
  const framework = frameworkOf(text);
  const task = taskOf(text, framework);
  return {
    buildFile,
    argv: ["sh", "./gradlew", "--no-daemon", "--console=plain", ...task],
    shown: `./gradlew ${task.join(" ")}`,
    packages: [],
    env: { GRADLE_USER_HOME: "/cache/gradle" },
    jar: /\binclude\b/.test(settings(source)) ? undefined : jarOf("build/libs", framework, "jar"),
    framework,
  };
}

/** Heroku's order: a task "stage", else what the framework's plugin makes. */
function taskOf(text: string, framework: Framework): readonly string[] {
  if (/(?:task|register)\W+stage\b/.test(text)) return ["stage"];
  if (framework === "spring") return ["bootJar"];
  if (/shadow/i.test(text)) return ["shadowJar"];
  return ["build", "-x", "test"];
}

function settings(source: SourceView): string {
  return ["settings.gradle", "settings.gradle.kts"].map((file) => readIfSmall(source, file) ?? "").join("\n");
}

function frameworkOf(text: string): Framework {
  if (/spring-boot-maven-plugin|org\.springframework\.boot/.test(text)) return "spring";
  if (/io\.quarkus/.test(text)) return "quarkus";
  if (/io\.micronaut/.test(text)) return "micronaut";
  return "other";
}

function jarOf(folder: string, framework: Framework, packaging: string): string {
  if (framework === "quarkus") return `${folder === "target" ? folder : "build"}/quarkus-app/quarkus-run.jar`;
  return `${folder}/*.${packaging === "war" ? "war" : "jar"}`;
}
