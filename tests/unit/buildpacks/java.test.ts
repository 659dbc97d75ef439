import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { databaseScript } from "../../../buildpacks/java/database.ts";
import { type Files, goodPlan, refusalOf } from "./planning.ts";

const boot = "<plugin><artifactId>spring-boot-maven-plugin</artifactId></plugin>";
const pom = (inner = "") => `<project>${inner}</project>`;
const wrapper = { gradlew: "", "gradle/wrapper/gradle-wrapper.properties": "" };

function web(files: Files): string | undefined {
  return goodPlan(files).processes.find((p) => p.type === "web")?.command;
}

describe("a Maven app", () => {
  test("is packaged by Debian's Maven, with the downloads in the app's cache", () => {
    const plan = goodPlan({ "pom.xml": pom(boot) });
    expect(plan.system).toEqual({ build: ["openjdk-21-jdk-headless", "maven"], run: ["openjdk-21-jre-headless"] });
    const [build] = plan.build?.commands ?? [];
    const cache = "-Dmaven.repo.local=/cache/m2/repository";
    const layer = "-Dmaven.repo.local.tail=/opt/maven/repository";
    expect(build?.argv).toEqual(["mvn", "-B", "-ntp", "-DskipTests", cache, "package", layer]);
  });

  test("is packaged by its wrapper when it has one", () => {
    const files = { "pom.xml": pom(), mvnw: "", ".mvn/wrapper/maven-wrapper.properties": "" };
    const plan = goodPlan(files);
    expect(plan.build?.commands[0]?.argv.slice(0, 2)).toEqual(["sh", "./mvnw"]);
    expect(plan.system?.build).toEqual(["openjdk-21-jdk-headless"]);
  });

  test.each([
    [pom(boot), "java -Dserver.port=$PORT $JAVA_OPTS -jar target/*.jar"],
    [pom(`<packaging>war</packaging>${boot}`), "java -Dserver.port=$PORT $JAVA_OPTS -jar target/*.war"],
    [
      pom("<groupId>io.quarkus</groupId>"),
      "java -Dquarkus.http.port=$PORT -Dquarkus.http.host=0.0.0.0 $JAVA_OPTS -jar target/quarkus-app/quarkus-run.jar",
    ],
    [pom("<groupId>io.micronaut</groupId>"), "java -Dmicronaut.server.port=$PORT $JAVA_OPTS -jar target/*.jar"],
    [pom("<packaging>pom</packaging><modules><module>a</module></modules>"), undefined],
  ])("%s starts with %s", (text, command) => {
    expect(web({ "pom.xml": text })).toBe(command);
  });

  test("of several modules is told to name the one that serves", () => {
    const modules = pom("<modules><module>a</module></modules>");
    expect(goodPlan({ "pom.xml": modules }).notes).toEqual([expect.stringContaining("Procfile")]);
    expect(goodPlan({ "pom.xml": modules, Procfile: "web: java -jar a/target/a.jar" }).notes).toEqual([]);
  });
});

describe("the JDK", () => {
  test.each([
    ["java.runtime.version=25", pom(), "java 25"],
    ["# ours\njava.runtime.version = openjdk-21.0.2\n", pom(), "java 21"],
    ["", pom("<java.version>25</java.version>"), "java 25"],
    ["", pom("<java.version>17</java.version>"), "java 21"],
    ["", pom("<maven.compiler.source>1.8</maven.compiler.source>"), "java 21"],
    ["", pom("<maven.compiler.release>24</maven.compiler.release>"), "java 25"],
    ["java.runtime.version=21", pom("<java.version>17</java.version>"), "java 21"],
  ])("for %j and %s is %s", (properties, text, runtime) => {
    expect(goodPlan({ "pom.xml": text, "system.properties": properties }).runtime).toBe(runtime);
  });

  test("that cannot be had is refused with those that can", () => {
    const instead =
      "21 and 25 can: write java.runtime.version=25 into system.properties, or bring your own with a Dockerfile.";
    expect(refusalOf({ "pom.xml": pom(), "system.properties": "java.runtime.version=17\n" })).toBe(
      `system.properties asks for Java 17, which cannot be had. | ${instead}`,
    );
    expect(refusalOf({ "pom.xml": pom("<java.version>26</java.version>") })).toBe(
      `pom.xml is for Java 26, which cannot be had. | ${instead}`,
    );
    expect(refusalOf({ "pom.xml": pom(), "system.properties": "java.runtime.version=latest" })).toContain(
      "Java latest",
    );
  });
});

describe("a Gradle app", () => {
  test.each([
    ["id 'org.springframework.boot' version '3.5.7'", ["bootJar"]],
    ["id 'com.gradleup.shadow'", ["shadowJar"]],
    ["task stage(dependsOn: ['build'])\nid 'org.springframework.boot'", ["stage"]],
    ['tasks.register("stage")', ["stage"]],
    ["id 'application'", ["build", "-x", "test"]],
  ])("with %j is built by its wrapper's %j", (text, task) => {
    const plan = goodPlan({ ...wrapper, "build.gradle": text });
    expect(plan.build?.commands[0]?.argv).toEqual(["sh", "./gradlew", "--no-daemon", "--console=plain", ...task]);
    expect(plan.processes[0]?.command).toBe("java -Dserver.port=$PORT $JAVA_OPTS -jar build/libs/*.jar");
  });

  test("names its JDK by toolchain or compatibility", () => {
    const runtime = (text: string) => goodPlan({ ...wrapper, "build.gradle.kts": text }).runtime;
    expect(runtime("languageVersion = JavaLanguageVersion.of(25)")).toBe("java 25");
    expect(runtime("sourceCompatibility = JavaVersion.VERSION_17")).toBe("java 21");
  });

  test("without a wrapper is refused", () => {
    expect(refusalOf({ "build.gradle": "" })).toBe(
      "build.gradle is there, but not the Gradle wrapper, which says which Gradle builds it. | Run gradle wrapper, commit gradlew and gradle/wrapper/ (the jar too), and push again.",
    );
  });
});

describe("the layer of what Maven fetches", () => {
  const named = (name: string, inner = "") =>
    `<?xml version="1.0"?>\n<!-- <version>9</version> -->\n<project><parent><artifactId>boot</artifactId><version>4</version></parent><artifactId>${name}</artifactId><version>${name}.1</version><description>The <![CDATA[<b>]]>${name}</description><dependencies><dependency><artifactId>gson</artifactId><version>2</version></dependency></dependencies>${inner}</project>`;
  const layerOf = (files: Files) => goodPlan(files).layers.find((layer) => layer.name === "dependencies");

  test("is the same for projects of other names", () => {
    const layer = layerOf({ "pom.xml": named("shop") });
    expect(layer?.inputs?.["pom.xml"]).toContain("<artifactId>boot</artifactId><version>4</version>");
    expect(layer?.inputs?.["pom.xml"]).toContain("<artifactId>gson</artifactId><version>2</version>");
    expect(layer?.inputs?.["pom.xml"]).not.toContain("shop");
    expect(layerOf({ "pom.xml": named("store"), "src/main/java/A.java": "class A {}" })).toEqual(layer);
    expect(layerOf({ "pom.xml": named("shop", "<build><plugins><plugin/></plugins></build>") })).not.toEqual(layer);
  });

  test("has the poms of all modules, as they are", () => {
    const files = {
      "pom.xml": named("top", "<modules><module>api</module><module>./core/</module></modules>"),
      "api/pom.xml": named("api"),
      "core/pom.xml": named("core", "<modules><module>deep</module></modules>"),
      "core/deep/pom.xml": named("deep"),
    };
    const inputs = layerOf(files)?.inputs ?? {};
    expect(Object.keys(inputs).filter((file) => file.endsWith("pom.xml"))).toEqual(Object.keys(files));
    expect(inputs["api/pom.xml"]).toBe(files["api/pom.xml"]);
    expect(layerOf({ ...files, "pom.xml": named("top", "<modules><module>gone</module></modules>") })).toBeUndefined();
  });

  test.each<readonly [string, Files]>([
    ["a config var", { "pom.xml": named("shop", "<repositories><url>https://x/${env.TOKEN}</url></repositories>") }],
    ["settings of its own", { "pom.xml": named("shop"), ".mvn/maven.config": "-s .mvn/settings.xml" }],
    ["Gradle", { "build.gradle": "", ...wrapper }],
    ["nothing to fetch", { "pom.xml": pom() }],
  ])("is not made for a project with %s", (_what, files) => {
    expect(layerOf(files)).toBeUndefined();
  });
});

test("an app gets longer to boot than others", () => {
  expect(goodPlan({ "pom.xml": pom(boot) }).bootTimeoutMs).toBe(90_000);
});

describe("the names of a database for JDBC", () => {
  const shown = ["JDBC_DATABASE_URL", "JDBC_DATABASE_USERNAME", "JDBC_DATABASE_PASSWORD", "SPRING_DATASOURCE_URL"];
  function sourced(env: Readonly<Record<string, string>>): readonly string[] {
    const script = `${databaseScript}\nfor n in ${shown.join(" ")}; do echo "\${!n:-}"; done`;
    return execFileSync("bash", ["--norc", "-euc", script], { env: { PATH: process.env["PATH"] ?? "", ...env } })
      .toString()
      .trimEnd()
      .split("\n");
  }

  test("come from DATABASE_URL, decoded", () => {
    expect(sourced({ DATABASE_URL: "postgres://shop:p%40ss%2fw$x@db:5432/shop?sslmode=disable" })).toEqual([
      "jdbc:postgresql://db:5432/shop?sslmode=disable",
      "shop",
      "p@ss/w$x",
      "jdbc:postgresql://db:5432/shop?sslmode=disable",
    ]);
  });

  test("are left as they are set", () => {
    const env = { DATABASE_URL: "mysql://a:b@db/shop", SPRING_DATASOURCE_URL: "jdbc:own" };
    expect(sourced(env)).toEqual(["jdbc:mysql://db/shop", "a", "b", "jdbc:own"]);
  });

  test("are not made up without a database", () => {
    expect(sourced({}).join("")).toBe("");
  });
});
