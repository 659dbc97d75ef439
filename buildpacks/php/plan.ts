import type {
  Available,
  Buildpack,
  PlanCommand,
  PlanLayer,
  PlanResult,
  PlanStep,
  SourceView,
} from "../../server/builds/plan.ts";
import { web } from "../../server/core/ids.ts";
import { asRecord, isRefusal, namesVariables } from "../reading.ts";
import { type ComposerProject, readComposer } from "./composer.ts";
import { extensionPackages } from "./extensions.ts";
import { fpmConf, nginxConf, phpHome, phpIni, serveScript } from "./serve.ts";
import { checkPhp } from "./versions.ts";

export const php: Buildpack = {
  name: "php",
  label: "PHP",
  looksFor: ["composer.json", "index.php"],
  detect: (source) => source.has("composer.json") || source.has("index.php"),
  plan: planPhp,
};

const composerEnv = {
  CI: "true",
  COMPOSER_CACHE_DIR: "/cache/composer",
  COMPOSER_HOME: "/tmp/composer",
  COMPOSER_NO_INTERACTION: "1",
  COMPOSER_NO_AUDIT: "1",
  COMPOSER_ROOT_VERSION: "1.0.0",
} as const;

function planPhp(source: SourceView, available: Available): PlanResult {
  const project = readComposer(source);
  if (isRefusal(project)) return project;
  const unfit = checkPhp(project?.phpConstraints ?? [], available.php);
  if (unfit !== undefined) return unfit;
  const extensions = extensionPackages(project?.extensions ?? [], available.php);
  if (isRefusal(extensions)) return extensions;
  const root = documentRoot(source, project);
  const usesComposer = project !== undefined && (project.hasLock || needsAutoloader(project));
  return {
    ok: true,
    plan: {
      buildpack: "php",
      runtime: `php ${available.php}`,
      system: {
        build: usesComposer ? ["composer"] : [],
        run: [`php${available.php}-cli`, `php${available.php}-fpm`, ...extensions],
      },
      layers: [serverLayer(root, available.php), ...(usesComposer ? [dependencyLayer(source, project)] : [])],
      build: usesComposer ? buildStep(project) : undefined,
      env: runEnv(project),
      path: [`${phpHome}/bin`, "/app/vendor/bin"],
      processes: [{ type: web, command: `${phpHome}/bin/serve` }],
      notes: notesFor(source, project, root),
    },
  };
}

/** Where a framework has its front controller, else the top of the repository. */
function documentRoot(source: SourceView, project: ComposerProject | undefined): string {
  const isFramework = ["laravel/framework", "symfony/framework-bundle"].some((name) => project?.packages.has(name));
  if (isFramework && source.has("public")) return "public";
  return ["public", "web"].find((folder) => source.has(`${folder}/index.php`)) ?? "";
}

function runEnv(project: ComposerProject | undefined): Readonly<Record<string, string>> {
  if (project?.packages.has("laravel/framework") === true) return { LOG_CHANNEL: "stderr" };
  if (project?.packages.has("symfony/framework-bundle") === true) return { APP_ENV: "prod", APP_DEBUG: "0" };
  return {};
}

// $1 to $4 are the start script and the settings of nginx, php-fpm and PHP. Heroku's names do the same.
const write = `set -eu
mkdir -p ${phpHome}/bin ${phpHome}/conf.d
printf %s "$1" >${phpHome}/bin/serve
printf %s "$2" >${phpHome}/nginx.conf
printf %s "$3" >${phpHome}/fpm.conf
printf %s "$4" >${phpHome}/conf.d/paas.ini
chmod 755 ${phpHome}/bin/serve
ln -sf serve ${phpHome}/bin/heroku-php-nginx
ln -sf serve ${phpHome}/bin/heroku-php-apache2`;

function serverLayer(root: string, version: string): PlanLayer {
  const script = serveScript.replaceAll("@PHP@", version).replace("@ROOT@", root);
  return {
    name: "server",
    title: "Setting up php-fpm and nginx",
    files: [],
    commands: [
      {
        argv: ["sh", "-c", write, "write-server", script, nginxConf, fpmConf, phpIni],
        user: "root",
        withConfig: false,
        hint: "Push again; paas doctor checks the stack.",
      },
    ],
    launch: true,
    keep: [phpHome],
  };
}

const install = [
  "composer",
  "install",
  "--no-dev",
  "--prefer-dist",
  "--no-progress",
  "--no-scripts",
  "--no-autoloader",
];

function dependencyLayer(source: SourceView, project: ComposerProject): PlanLayer {
  const files = ["composer.json", "composer.lock", "auth.json", "symfony.lock", ...project.localFiles];
  return {
    name: "dependencies",
    title: "Installing dependencies (composer install)",
    files: files.filter((file) => source.has(file)),
    commands: [
      command(
        install,
        project.isPrivate || namesVariables(source, ["auth.json"]),
        "Run composer install --no-dev in a fresh clone. If composer.lock is out of step, run composer update --lock, commit it and push again.",
      ),
    ],
    launch: true,
    keep: ["/app/vendor"],
  };
}

/** The autoloader knows the app's own classes, and scripts may need the whole app: both wait for the source. */
function buildStep(project: ComposerProject): PlanStep {
  const scripts = asRecord(project.manifest["scripts"]);
  const hint = "Run the same command in a fresh clone, correct what it says and push again.";
  const run = (...names: readonly string[]) =>
    names
      .filter((name) => scripts[name] !== undefined)
      .map((name) => command(["composer", "run-script", "--no-dev", name], true, hint));
  const autoloader = ["composer", "dump-autoload", "--no-dev", "--optimize"];
  return {
    title: "Making the autoloader (composer dump-autoload)",
    files: [],
    commands: [command(autoloader, true, hint), ...run("post-install-cmd", "compile")],
  };
}

function command(argv: readonly string[], withConfig: boolean, hint: string): PlanCommand {
  return { argv, user: "app", env: composerEnv, withConfig, hint };
}

function needsAutoloader(project: ComposerProject): boolean {
  return project.manifest["autoload"] !== undefined || project.packages.size > 0;
}

function notesFor(source: SourceView, project: ComposerProject | undefined, root: string): readonly string[] {
  const served = source.has("Procfile") ? [] : [`Serving ${root === "" ? "the top of the repository" : `${root}/`}`];
  const key = project?.packages.has("laravel/framework") === true;
  return [
    ...served,
    ...(key
      ? ["Laravel needs APP_KEY: paas config:set APP_KEY=…, from php artisan key:generate --show, if not done yet"]
      : []),
    ...(source.has("public/.htaccess") || source.has(".htaccess")
      ? ["nginx serves, which does not read .htaccess"]
      : []),
  ];
}
