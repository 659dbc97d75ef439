import { createHash } from "node:crypto";
import { type DebianMirror, sourceLines } from "./apt-sources.ts";

/** A file of the base images; `path` is without the leading slash. */
export interface StackFile {
  readonly path: string;
  readonly content: string;
}

/** Everything that decides what the stack contains. */
export interface StackPlan {
  /** 12 hex digits over all inputs: another input, another stack. */
  readonly id: string;
  readonly baseImage: string;
  readonly runImage: string;
  readonly buildImage: string;
  readonly sources: readonly string[];
  /** Copied over the root of the run image. */
  readonly files: readonly StackFile[];
  readonly runDockerfile: string;
  readonly buildDockerfile: string;
}

export const stackName = "debian-13";
export const stackRelease = "trixie";
/** What Debian 13 ships; a stable release never changes them. */
export const stackGoVersion = "1.24";
export const stackPythonVersion = "3.13";

const runPackages = [
  "ca-certificates",
  "curl",
  "libpq5",
  "media-types",
  "nginx-light",
  "postgresql-client",
  "procps",
  "python3",
  "redis-tools",
  "tini",
  "tzdata",
];

const buildPackages = [
  "build-essential",
  "git",
  "golang-go",
  "jq",
  "libffi-dev",
  "libpq-dev",
  "pkg-config",
  "python3-dev",
  "python3-pip",
  "python3-venv",
  "rsync",
  "unzip",
  "xz-utils",
];

const bundle = "/etc/ssl/certs/ca-certificates.crt";

export const dpkgOptions = [
  "force-unsafe-io",
  "path-exclude=/usr/share/doc/*",
  "path-include=/usr/share/doc/*/copyright",
  "path-exclude=/usr/share/man/*",
  "path-exclude=/usr/share/info/*",
  "path-exclude=/usr/share/locale/*",
];

const aptOptions = [
  'APT::Install-Recommends "false";',
  'APT::Sandbox::User "root";',
  'Acquire::Languages "none";',
  'Acquire::Retries "3";',
  'Dpkg::Use-Pty "false";',
];

const cleanUp = [
  "apt-get clean",
  "rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log",
];

// One RUN each: a layer more costs a second to commit and keeps what a later one deletes.
const runSteps = [
  "COPY files/ /",
  run([
    "export DEBIAN_FRONTEND=noninteractive",
    // The sources are ours alone: a pulled base image brings its own beside them.
    "rm -f /etc/apt/sources.list.d/*",
    "apt-get -qq update",
    "apt-get -qq -y dist-upgrade",
    `apt-get -qq -y install ${runPackages.join(" ")}`,
    "update-ca-certificates",
    "useradd --uid 1000 --user-group --home-dir /app --shell /bin/bash app",
    "install -d -o app -g app /app",
    ...cleanUp,
  ]),
  `ENV LANG=C.UTF-8 SSL_CERT_FILE=${bundle} NODE_EXTRA_CA_CERTS=${bundle} PIP_CERT=${bundle} REQUESTS_CA_BUNDLE=${bundle}`,
  "WORKDIR /app",
  'CMD ["/bin/bash"]',
];

const buildSteps = [
  run([
    "export DEBIAN_FRONTEND=noninteractive",
    "apt-get -qq update",
    `apt-get -qq -y install ${buildPackages.join(" ")}`,
    ...cleanUp,
  ]),
];

/**
 * Decides the stack's Dockerfiles and id. `extraCas` are the certificates that the machine trusts beside the public ones.
 */
export function planStack(mirror: DebianMirror, extraCas: readonly StackFile[]): StackPlan {
  const sources = sourceLines(mirror, stackRelease);
  const files = [
    { path: "etc/apt/sources.list", content: lines(sources) },
    { path: "etc/apt/apt.conf.d/90paas", content: lines(aptOptions) },
    { path: "etc/dpkg/dpkg.cfg.d/90paas", content: lines(dpkgOptions) },
    ...extraCas.map((ca) => ({ path: `usr/local/share/ca-certificates/${ca.path}`, content: ca.content })),
  ];
  const id = hashOf([stackName, files, runSteps, buildSteps]);
  const image = (part: string) => `paas/stack-${part}:${stackName}-${id}`;
  return {
    id,
    baseImage: image("base"),
    runImage: image("run"),
    buildImage: image("build"),
    sources,
    files,
    runDockerfile: lines([`FROM ${image("base")}`, ...runSteps]),
    buildDockerfile: lines([`FROM ${image("run")}`, ...buildSteps]),
  };
}

function run(commands: readonly string[]): string {
  return `RUN ${commands.join(" && ")}`;
}

const lines = (all: readonly string[]): string => `${all.join("\n")}\n`;

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 12);
}
