import { describe, expect, test } from "vitest";
import { readRequirements } from "../../../buildpacks/python/requirements.ts";
import { allows } from "../../../buildpacks/python/versions.ts";
import { memorySource } from "../../../server/builds/source-view.ts";
import { buildCommands, commandsOf, type Files, goodPlan, refusalOf } from "./planning.ts";

const pinned = { "requirements.txt": "flask==3.1.3\ngunicorn\n", "app.py": "app = Flask(__name__)\n" };
const procfile = { Procfile: "web: x" };

function webOf(files: Files): string | undefined {
  return goodPlan(files).processes[0]?.command;
}

describe("Python dependencies", () => {
  test("of requirements.txt go into /opt/venv by pip", () => {
    const plan = goodPlan(pinned);
    expect(commandsOf(plan, "dependencies")).toEqual([
      "install -d -o 1000 -g 1000 /opt/venv",
      "/usr/bin/python3 -m venv --without-pip /opt/venv",
      "/usr/bin/python3 -m pip --python /opt/venv/bin/python install --requirement requirements.txt",
    ]);
    expect(plan.layers.map((l) => [l.name, l.files, l.keep, l.launch])).toEqual([
      ["dependencies", ["requirements.txt"], ["/opt/venv"], true],
    ]);
  });

  test("of uv.lock are those of production, and the project itself comes later when it is a package", () => {
    const project = { "pyproject.toml": '[project]\nname = "x"\n', "uv.lock": "", "x.py": "", ...procfile };
    expect(commandsOf(goodPlan(project), "dependencies").at(-1)).toBe(
      "/opt/python-tools/bin/uv sync --locked --no-default-groups --no-install-project",
    );
    expect(goodPlan(project).layers.map((l) => [l.name, l.launch])).toEqual([
      ["tools", false],
      ["dependencies", true],
    ]);
    const built = { ...project, "pyproject.toml": '[project]\nname = "x"\n[build-system]\nrequires = []\n' };
    expect(goodPlan(built).layers.at(-1)).toMatchObject({
      name: "package",
      files: ["Procfile", "pyproject.toml", "uv.lock", "x.py"],
    });
    const unbuilt = { ...project, "pyproject.toml": "[build-system]\nrequires = []\n[tool.uv]\npackage = false\n" };
    expect(goodPlan(unbuilt).layers).toHaveLength(2);
  });

  test("of poetry.lock are those of the main group", () => {
    const toml = '[tool.poetry]\nname = "My.Shop"\n[tool.poetry.dependencies]\npython = "^3.11"\nFlask = "*"\n';
    const files = { "pyproject.toml": toml, "poetry.lock": "", ...procfile };
    expect(commandsOf(goodPlan(files), "dependencies").at(-1)).toBe(
      "/opt/python-tools/bin/poetry sync --only main --no-root",
    );
    expect(commandsOf(goodPlan({ ...files, "my_shop/__init__.py": "" }), "package")).toEqual([
      "/opt/python-tools/bin/poetry sync --only main",
    ]);
  });

  test("may be none at all", () => {
    const plan = goodPlan({ "pyproject.toml": "[tool.ruff]\n", "server.py": "", ...procfile });
    expect(plan.layers.map((l) => [l.title, l.files])).toEqual([["Making the virtual environment", []]]);
  });

  test("see config vars only when the list names one", () => {
    const seesConfig = (text: string) =>
      goodPlan({ "requirements.txt": text, ...procfile }).layers[0]?.commands[2]?.withConfig;
    expect(seesConfig("flask\n")).toBe(false);
    expect(seesConfig("git+https://${TOKEN}@git.test/x.git\n")).toBe(true);
  });
});

describe("a requirements file", () => {
  test("includes others, and names what it installs", () => {
    const source = memorySource({
      "requirements.txt":
        "\uFEFF-r requirements/base.txt # all\n-c limits.txt\n--index-url https://x.test\nUvicorn[standard] >= 0.3 ; python_version > '3'\n",
      "requirements/base.txt":
        "-r ../requirements.txt\nFlask_Login==1 \\\n  --hash=sha256:0\nlib @ https://x.test/lib.whl\n\n#no\n",
      "limits.txt": "six<2\n",
    });
    expect(readRequirements(source, "requirements.txt")).toEqual({
      files: ["requirements.txt", "requirements/base.txt", "limits.txt"],
      names: ["flask-login", "lib", "six", "uvicorn"],
      isLocal: false,
    });
  });

  test.each([
    ["-e .", ["requirements.txt", "setup.py", "src"]],
    [".[web]", ["requirements.txt", "setup.py", "src"]],
    ["--editable=./src", ["requirements.txt", "src"]],
    ["./src", ["requirements.txt", "src"]],
  ])("with %s reads the folder too", (line, files) => {
    const source = memorySource({ "requirements.txt": line, "setup.py": "", "src/a.py": "" });
    expect(readRequirements(source, "requirements.txt")).toEqual({ files, names: [], isLocal: true });
  });
});

describe("the Python version", () => {
  test.each([
    [">=3.10", true],
    [">=3.12,<3.14", true],
    ["~=3.10", true],
    ["~=3.12.1", false],
    ["==3.13.*", true],
    ["==3.12.*", false],
    ["!=3.13.*", false],
    ["<3.13", false],
    ["<=3.13", false],
    [">3.13", true],
    ["^3.11", true],
    ["^3.11 || ^2.7", true],
    ["~3.12", false],
    [">=4", false],
    ["*", true],
    ["3.13", true],
  ])("specifier %s lets 3.13 in: %s", (specifier, isIn) => {
    expect(allows(specifier, "3.13")).toBe(isIn);
  });

  test.each([
    ["runtime.txt", "python-3.13.4\n"],
    [".python-version", "# ours\n3.13\r\n"],
    [".python-version", "3"],
    ["pyproject.toml", '[project]\nrequires-python = ">=3.11"\n'],
  ])("asked for in %s by %j can be had", (file, text) => {
    expect(goodPlan({ ...pinned, [file]: text }).runtime).toBe("python 3.13");
  });
});

describe("web", () => {
  const deps = (names: string): Files => ({ "requirements.txt": names.replaceAll(" ", "\n") });
  const django = {
    "manage.py": "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings.production')",
    "shop/wsgi.py": "",
    "shop/asgi.py": "",
    "shop/settings/base.py": "",
  };
  test.each<readonly [Files, string]>([
    [
      { ...deps("django gunicorn"), ...django },
      "gunicorn --bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-2} shop.wsgi:application",
    ],
    [{ ...deps("django uvicorn"), ...django }, "uvicorn shop.asgi:application --host 0.0.0.0 --port $PORT"],
    [
      { ...deps("flask gunicorn"), "wsgi.py": "from flask import Flask\nserver: Flask = flask.Flask(__name__)\n" },
      "gunicorn --bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-2} wsgi:server",
    ],
    [
      { ...deps("flask gunicorn"), "app/__init__.py": "def create_app(x=1):\n" },
      "gunicorn --bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-2} 'app:create_app()'",
    ],
    [
      { "requirements.txt": "fastapi[standard]>=0.116\n", "main.py": "app = FastAPI()\n" },
      "uvicorn main:app --host 0.0.0.0 --port $PORT",
    ],
    [
      { ...deps("fastapi uvicorn"), "app/main.py": "api = FastAPI(\n" },
      "uvicorn app.main:api --host 0.0.0.0 --port $PORT",
    ],
    [
      { "pyproject.toml": "", "uv.lock": 'name = "fastapi-cli"\nname = "uvicorn"\n', "main.py": "app = FastAPI()\n" },
      "uvicorn main:app --host 0.0.0.0 --port $PORT",
    ],
  ])("of %j is %s", (files, command) => {
    expect(webOf(files)).toBe(command);
  });

  test("is left to the Procfile when there is one", () => {
    expect(goodPlan({ ...pinned, ...procfile }).processes).toEqual([]);
  });
});

test("Django's static files are collected when they have somewhere to go", () => {
  const django = {
    "requirements.txt": "Django\ngunicorn\n",
    "manage.py": '("DJANGO_SETTINGS_MODULE", "shop.settings")',
    "shop/wsgi.py": "",
  };
  const [command] = goodPlan({ ...django, "shop/settings.py": "STATIC_ROOT = BASE_DIR / 's'\n" }).build?.commands ?? [];
  expect(command?.argv.slice(2)).toEqual([
    expect.stringMatching(/DISABLE_COLLECTSTATIC[^]*python "\$1" collectstatic --noinput/),
    "collectstatic",
    "manage.py",
  ]);
  expect(command?.withConfig).toBe(true);
  expect(buildCommands(goodPlan({ ...django, "shop/settings.py": "# STATIC_ROOT = 1\n" }))).toEqual([]);
});

test("a manage.py two folders down is found, and hooks run around it", () => {
  const files = {
    ...procfile,
    "requirements.txt": "django\n",
    "backend/site/manage.py": '("DJANGO_SETTINGS_MODULE", "shop.settings")',
    "backend/site/shop/settings.py": "STATIC_ROOT = 's'\n",
    "bin/pre_compile": "true",
    "bin/post_compile": "true",
  };
  expect(buildCommands(goodPlan(files))).toEqual([
    "bin/pre_compile",
    "python backend/site/manage.py collectstatic",
    "bin/post_compile",
  ]);
});

test.each<readonly [Files, string, string]>([
  [
    { Pipfile: "", "Pipfile.lock": '{"default":{"flask":{},"gunicorn":{}}}', "app.py": "app = Flask(__name__)\n" },
    "/opt/python-tools/bin/pipenv install --deploy",
    "gunicorn",
  ],
  [
    { "pyproject.toml": "", "pdm.lock": 'name = "flask"\nname = "granian"\n', "app.py": "app = Flask(__name__)\n" },
    "/opt/python-tools/bin/pdm sync --prod --no-editable --no-self",
    "granian --interface wsgi --host 0.0.0.0 --port $PORT --workers ${WEB_CONCURRENCY:-2} app:app",
  ],
])("%j is installed with %s and served by %s", (files, command, server) => {
  const plan = goodPlan(files);
  expect(plan.layers.map((l) => l.name)).toEqual(["tools", "dependencies"]);
  expect(commandsOf(plan, "dependencies").at(-1)).toBe(command);
  expect(plan.processes[0]?.command).toContain(server);
});

describe("a Python repository is refused", () => {
  test.each<readonly [string, Files, string]>([
    [
      "two lists",
      { "requirements.txt": "", "uv.lock": "", "poetry.lock": "" },
      "There are several lists of dependencies: requirements.txt, uv.lock, poetry.lock. | Keep the one that you use, remove the others with git rm, and push again.",
    ],
    [
      "Pipfile alone",
      { Pipfile: "" },
      "There is a Pipfile, but no Pipfile.lock. | Run pipenv lock, commit Pipfile.lock and push again.",
    ],
    [
      "a Pipfile.lock in conflict",
      { Pipfile: "", "Pipfile.lock": "<<<<<<<" },
      "Pipfile.lock is not valid JSON. | Make it anew with: pipenv lock. Commit it and push again.",
    ],
    [
      "a Pipfile for another Python",
      { Pipfile: '[requires]\npython_version = "3.9"\n', "Pipfile.lock": "{}" },
      "Pipfile asks for Python 3.9, which cannot be had. | Python 3.13 can: write it there, or bring your own with a Dockerfile.",
    ],
    [
      "a list for conda",
      { "environment.yml": "" },
      "environment.yml is for conda, whose packages cannot be had here. | List the packages in requirements.txt (pip freeze > requirements.txt), commit it and push again.",
    ],
    [
      "dependencies without a lockfile",
      { "pyproject.toml": '[project]\ndependencies = ["flask"]\n' },
      "pyproject.toml lists dependencies, but there is no lockfile. | Run uv lock (or poetry lock), commit the lockfile and push again.",
    ],
    [
      "setup.py alone",
      { "setup.py": "" },
      "setup.py alone does not say what to install. | Commit a requirements.txt with one line, a dot, to install the repository itself.",
    ],
    [
      "a lockfile alone",
      { "uv.lock": "" },
      "uv.lock is there, but pyproject.toml is not. | Commit pyproject.toml beside it and push again.",
    ],
    [
      "broken TOML",
      { "pyproject.toml": "[project\n" },
      expect.stringMatching(/^pyproject.toml cannot be read: .+ \| Correct it, commit and push again\.$/) as string,
    ],
    [
      "another version in .python-version",
      { ...pinned, ".python-version": "3.11\n" },
      ".python-version asks for Python 3.11, which cannot be had. | Python 3.13 can: write it there, or bring your own with a Dockerfile.",
    ],
    [
      "another version in runtime.txt",
      { ...pinned, "runtime.txt": "python-3.9.1", ".python-version": "3.13" },
      "runtime.txt asks for Python 3.9.1, which cannot be had. | Python 3.13 can: write it there, or bring your own with a Dockerfile.",
    ],
    [
      "another range in pyproject.toml",
      { ...pinned, "pyproject.toml": '[project]\nrequires-python = "<3.13"\n' },
      "requires-python in pyproject.toml asks for Python <3.13, which cannot be had. | Python 3.13 can: write it there, or bring your own with a Dockerfile.",
    ],
    [
      "another range of poetry",
      { "pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.11"\n', "poetry.lock": "" },
      "the python dependency in pyproject.toml asks for Python ~3.11, which cannot be had. | Python 3.13 can: write it there, or bring your own with a Dockerfile.",
    ],
    [
      "nothing to start",
      { "requirements.txt": "requests\n" },
      "Nothing says how to start the app: there is no Procfile, and no Django, Flask or FastAPI app was recognised. | Commit a Procfile with a line like: web: python server.py (and listen on 0.0.0.0 at $PORT).",
    ],
    [
      "Flask without a server",
      { "requirements.txt": "flask\n", "app.py": "app = Flask(__name__)\n" },
      "This is a Flask app, but gunicorn, which would serve it, is not among its dependencies. | Add gunicorn to the dependencies, or commit a Procfile with another server. With gunicorn it would be: web: gunicorn --bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-2} app:app",
    ],
    [
      "Django without a server",
      { "requirements.txt": "django\n", "manage.py": '("DJANGO_SETTINGS_MODULE", "shop.settings")' },
      "This is a Django app, but gunicorn, which would serve it, is not among its dependencies. | Add gunicorn to the dependencies, or commit a Procfile with another server. With gunicorn it would be: web: gunicorn --bind 0.0.0.0:$PORT --workers ${WEB_CONCURRENCY:-2} shop.wsgi",
    ],
    [
      "FastAPI without a server",
      { "requirements.txt": "fastapi\n", "main.py": "app = FastAPI()\n" },
      "This is a FastAPI app, but uvicorn, which would serve it, is not among its dependencies. | Add uvicorn to the dependencies, or commit a Procfile with another server. With uvicorn it would be: web: uvicorn main:app --host 0.0.0.0 --port $PORT",
    ],
  ])("%s", (_name, files, text) => {
    expect(refusalOf(files)).toEqual(text);
  });
});
