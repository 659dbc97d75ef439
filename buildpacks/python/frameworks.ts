import type { SourceView } from "../../server/builds/plan.ts";
import { web } from "../../server/core/ids.ts";
import type { ProcessCommand } from "../../server/core/types.ts";
import { readIfSmall, type Refusal, refuse } from "../reading.ts";

type Names = ReadonlySet<string>;

const flaskFiles = ["app.py", "wsgi.py", "main.py", "application.py", "server.py", "app/__init__.py"];
const fastapiFiles = ["main.py", "app.py", "api.py", "server.py", "app/main.py", "app/api.py", "src/main.py"];

/** The web command of a framework that is recognised; asked only when there is no Procfile. */
export function defaultProcesses(source: SourceView, names: Names): readonly ProcessCommand[] | Refusal {
  const found = django(source, names) ?? fastapi(source, names) ?? flask(source, names);
  if (found === undefined) {
    return refuse(
      "Nothing says how to start the app: there is no Procfile, and no Django, Flask or FastAPI app was recognised.",
      "Commit a Procfile with a line like: web: python server.py (and listen on 0.0.0.0 at $PORT).",
    );
  }
  return typeof found === "string" ? [{ type: web, command: found }] : found;
}

/** The package that holds Django's settings, as manage.py names it; undefined when this is no Django project. */
function djangoPackage(source: SourceView, folder: string): string | undefined {
  const text = readIfSmall(source, below(folder, "manage.py")) ?? "";
  const settings = /DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']/.exec(text)?.[1];
  return settings?.replace(/\.settings.*$/, "");
}

/** Where the nearest manage.py of Django is, at most two folders down; the empty string is the top. */
export function manageFolder(source: SourceView): string | undefined {
  const first = foldersBelow(source, "");
  const second = first.flatMap((folder) => foldersBelow(source, folder));
  return ["", ...first, ...second].find((folder) => djangoPackage(source, folder) !== undefined);
}

function foldersBelow(source: SourceView, folder: string): readonly string[] {
  return source
    .list(folder)
    .filter((name) => name.endsWith("/") && !/^[._]|^(node_modules|venv|static)\/$/.test(name))
    .map((name) => below(folder, name.slice(0, -1)));
}

function below(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** collectstatic has somewhere to put files: STATIC_ROOT stands in the settings. */
export function hasStaticRoot(source: SourceView, at: string): boolean {
  const name = djangoPackage(source, at)?.replaceAll(".", "/");
  if (name === undefined) return false;
  const folder = below(at, name);
  const split = source.list(`${folder}/settings`).map((name) => `${folder}/settings/${name}`);
  return [`${folder}/settings.py`, ...split].some((file) =>
    /^\s*STATIC_ROOT\s*[:=]/m.test(readIfSmall(source, file) ?? ""),
  );
}

function django(source: SourceView, names: Names): string | Refusal | undefined {
  const folder = djangoPackage(source, "");
  if (folder === undefined) return undefined;
  const has = (file: string): boolean => source.has(`${folder.replaceAll(".", "/")}/${file}`);
  if (names.has("gunicorn") && has("wsgi.py")) return gunicorn(`${folder}.wsgi:application`);
  if (names.has("uvicorn") && has("asgi.py")) return uvicorn(`${folder}.asgi:application`);
  if (names.has("granian") && has("asgi.py")) return granian(`${folder}.asgi:application`, "asgi");
  if (names.has("granian") && has("wsgi.py")) return granian(`${folder}.wsgi:application`, "wsgi");
  return serverMissing("Django", "gunicorn", `web: ${gunicorn(`${folder}.wsgi`)}`);
}

function flask(source: SourceView, names: Names): string | Refusal | undefined {
  const target = findApp(source, flaskFiles, "Flask") ?? (names.has("flask") ? findFactory(source) : undefined);
  if (target === undefined) return undefined;
  if (names.has("gunicorn")) return gunicorn(target);
  if (names.has("granian") && !target.includes("(")) return granian(target, "wsgi");
  return serverMissing("Flask", "gunicorn", `web: ${gunicorn(target)}`);
}

function fastapi(source: SourceView, names: Names): string | Refusal | undefined {
  const target = findApp(source, fastapiFiles, "FastAPI");
  if (target === undefined) return undefined;
  const hasServer = ["uvicorn", "uvicorn-worker", "fastapi-cli"].some((name) => names.has(name));
  if (hasServer) return uvicorn(target);
  if (names.has("granian")) return granian(target, "asgi");
  return serverMissing("FastAPI", "uvicorn", `web: ${uvicorn(target)}`);
}

/** `app = Flask(__name__)` in app.py is `app:app`. */
function findApp(source: SourceView, files: readonly string[], constructor: string): string | undefined {
  const pattern = new RegExp(`^(\\w+)\\s*(?::\\s*[\\w.]+\\s*)?=\\s*(?:\\w+\\.)?${constructor}\\(`, "m");
  for (const file of files) {
    const name = pattern.exec(readIfSmall(source, file) ?? "")?.[1];
    if (name !== undefined) return `${moduleOf(file)}:${name}`;
  }
  return undefined;
}

function findFactory(source: SourceView): string | undefined {
  const file = flaskFiles.find((f) => /^def create_app\(/m.test(readIfSmall(source, f) ?? ""));
  return file === undefined ? undefined : `${moduleOf(file)}:create_app()`;
}

function moduleOf(file: string): string {
  return file
    .replace(/\.py$/, "")
    .replace(/\/__init__$/, "")
    .replaceAll("/", ".");
}

// Two workers, so that a slow request does not hold up the next. Not by the environment: uvicorn.run() fails with it.
function gunicorn(target: string): string {
  return `gunicorn --bind 0.0.0.0:$PORT --workers \${WEB_CONCURRENCY:-2} ${target.includes("(") ? `'${target}'` : target}`;
}

function uvicorn(target: string): string {
  return `uvicorn ${target} --host 0.0.0.0 --port $PORT`;
}

function granian(target: string, kind: string): string {
  return `granian --interface ${kind} --host 0.0.0.0 --port $PORT --workers \${WEB_CONCURRENCY:-2} ${target}`;
}

function serverMissing(framework: string, server: string, line: string): Refusal {
  return refuse(
    `This is a ${framework} app, but ${server}, which would serve it, is not among its dependencies.`,
    `Add ${server} to the dependencies, or commit a Procfile with another server. With ${server} it would be: ${line}`,
  );
}
