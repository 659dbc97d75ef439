import type { PlanCommand, PlanLayer, SourceView } from "../../server/builds/plan.ts";
import { namesVariables } from "../reading.ts";
import type { PythonProject } from "./project.ts";

// The environment's own interpreter comes first on the PATH, and it has no pip.
const systemPython = "/usr/bin/python3";
export const venv = "/opt/venv";
const tools = "/opt/python-tools";
const versions = { uv: "0.13.9", poetry: "2.5.1", pipenv: "2026.10.3", pdm: "2.29.4" } as const;
type Tool = keyof typeof versions;
// What a release of a tool did not shut out itself: pdm 2.29.4 does not start with hishel 2.
const beside: Readonly<Partial<Record<Tool, readonly string[]>>> = { pdm: ["hishel<2"] };

const certificates = "/etc/ssl/certs/ca-certificates.crt";
const common = {
  HOME: "/tmp",
  PIP_ROOT_USER_ACTION: "ignore",
  SSL_CERT_FILE: certificates,
  REQUESTS_CA_BUNDLE: certificates,
  PIP_CERT: certificates,
  PIP_CACHE_DIR: "/cache/pip",
  PIP_DISABLE_PIP_VERSION_CHECK: "1",
  PIP_NO_INPUT: "1",
  VIRTUAL_ENV: venv,
} as const;
const toolEnv: Readonly<Record<PythonProject["tool"], Readonly<Record<string, string>>>> = {
  none: {},
  pip: {},
  uv: {
    UV_CACHE_DIR: "/cache/uv",
    UV_COMPILE_BYTECODE: "1",
    UV_LINK_MODE: "copy",
    UV_NO_PROGRESS: "1",
    UV_PROJECT_ENVIRONMENT: venv,
    UV_PYTHON: `${venv}/bin/python`,
    UV_PYTHON_DOWNLOADS: "never",
  },
  poetry: { POETRY_CACHE_DIR: "/cache/poetry", POETRY_NO_INTERACTION: "1", POETRY_INSTALLER_MAX_WORKERS: "4" },
  pipenv: { PIPENV_CACHE_DIR: "/cache/pipenv", PIPENV_VERBOSITY: "-1", PIPENV_NOSPIN: "1" },
  pdm: { PDM_CACHE_DIR: "/cache/pdm", PDM_CHECK_UPDATE: "0", PDM_NON_INTERACTIVE: "1", PDM_IGNORE_SAVED_PYTHON: "1" },
};

/** The tool, the virtual environment with the dependencies, and the repository itself when it is a package. */
export function pythonLayers(source: SourceView, project: PythonProject): readonly PlanLayer[] {
  const { tool, isPackage } = project;
  const tooling = tool === "pip" || tool === "none" ? [] : [toolLayer(tool)];
  return [...tooling, dependencyLayer(source, project), ...(isPackage ? [packageLayer(source, project)] : [])];
}

/** In an environment of its own, so that its libraries never meet the project's. */
function toolLayer(tool: Tool): PlanLayer {
  const spec = `${tool}==${versions[tool]}`;
  const hint = `${tool} could not be installed from the Python package index: push again, or check that this machine reaches it.`;
  const make = [systemPython, "-m", "venv", "--without-pip", tools];
  const pip = [
    systemPython,
    "-m",
    "pip",
    "--python",
    `${tools}/bin/python`,
    "install",
    "--no-cache-dir",
    spec,
    ...(beside[tool] ?? []),
  ];
  return {
    name: "tools",
    title: `Installing ${tool} ${versions[tool]}`,
    files: [],
    commands: [make, pip].map((argv) => ({ argv, user: "root", env: common, withConfig: false, hint })),
    launch: false,
    keep: [tools],
  };
}

function dependencyLayer(source: SourceView, project: PythonProject): PlanLayer {
  const own = ["install", "-d", "-o", "1000", "-g", "1000", venv];
  const make = [systemPython, "-m", "venv", "--without-pip", venv];
  const hint = "The virtual environment could not be made.";
  const isNeeded = project.tool !== "none";
  return {
    name: "dependencies",
    title: isNeeded ? `Installing dependencies (${titleOf(project)})` : "Making the virtual environment",
    files: project.files,
    commands: [
      { argv: own, user: "root", withConfig: false, hint },
      { argv: make, user: "app", env: common, withConfig: false, hint },
      ...(isNeeded ? [installCommand(source, project, false)] : []),
    ],
    launch: true,
    keep: [venv],
  };
}

function packageLayer(source: SourceView, project: PythonProject): PlanLayer {
  return {
    name: "package",
    title: `Installing the project itself (${titleOf(project)})`,
    files: source.list("").map((name) => name.replace(/\/$/, "")),
    commands: [installCommand(source, project, true)],
    launch: true,
    keep: [venv],
  };
}

function installCommand(source: SourceView, project: PythonProject, withProject: boolean): PlanCommand {
  const needsConfig = namesVariables(
    source,
    project.files.filter((file) => /\.(txt|toml)$/.test(file)),
  );
  return {
    argv: installArgv(project.tool, withProject),
    name: titleOf(project),
    user: "app",
    env: { ...common, ...toolEnv[project.tool] },
    withConfig: needsConfig,
    hint: hintOf(project.tool),
  };
}

function installArgv(tool: PythonProject["tool"], withProject: boolean): readonly string[] {
  switch (tool) {
    case "uv":
      return [
        `${tools}/bin/uv`,
        "sync",
        "--locked",
        "--no-default-groups",
        ...(withProject ? [] : ["--no-install-project"]),
      ];
    case "poetry":
      return [`${tools}/bin/poetry`, "sync", "--only", "main", ...(withProject ? [] : ["--no-root"])];
    case "pipenv":
      return [`${tools}/bin/pipenv`, "install", "--deploy"];
    case "pdm":
      return [`${tools}/bin/pdm`, "sync", "--prod", "--no-editable", ...(withProject ? [] : ["--no-self"])];
    case "pip":
    case "none":
      return [
        systemPython,
        "-m",
        "pip",
        "--python",
        `${venv}/bin/python`,
        "install",
        "--requirement",
        "requirements.txt",
      ];
  }
}

const installNames: Readonly<Record<PythonProject["tool"], string>> = {
  pip: "pip install -r requirements.txt",
  uv: "uv sync",
  poetry: "poetry sync",
  pipenv: "pipenv install --deploy",
  pdm: "pdm sync",
  none: "",
};

function titleOf(project: PythonProject): string {
  return installNames[project.tool];
}

function hintOf(tool: PythonProject["tool"]): string {
  if (tool === "uv")
    return "If uv.lock is out of step with pyproject.toml, run: uv lock. Commit uv.lock and push again.";
  if (tool === "poetry")
    return "If poetry.lock is out of step with pyproject.toml, run: poetry lock. Commit poetry.lock and push again.";
  if (tool === "pipenv")
    return "If Pipfile.lock is out of step with Pipfile, run: pipenv lock. Commit Pipfile.lock and push again.";
  if (tool === "pdm")
    return "If pdm.lock is out of step with pyproject.toml, run: pdm lock. Commit pdm.lock and push again.";
  return "Check the names and versions in requirements.txt; a package without a wheel may need a library that is not there.";
}
