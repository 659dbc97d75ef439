import type { Available, PlanCommand, PlanLayer } from "../../server/builds/plan.ts";
import { unpackBun } from "./bun.ts";
import type { Manager } from "./manager.ts";

export const nodeHome = "/opt/node";
export const certificates = "/etc/ssl/certs/ca-certificates.crt";

// $1 is the version of Node, $2 that of npm. The node package brings no npm, and thousands of headers for other machines.
// bash becomes the last command of a script, where sh stays in between and would swallow npm's SIGTERM.
const unpack = `set -euo pipefail
case "$(uname -m)" in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) echo "There is no Node package for $(uname -m)" >&2; exit 1 ;;
esac
fetch() {
  mkdir -p "$2"
  curl -fsSL --retry 3 --max-time 300 "$NPM_REGISTRY$1" | tar -xz -C "$2" --strip-components=1 --no-same-owner \\
    --exclude='*/archs/[!l]*' --exclude='*/archs/linux[0-9]*' --exclude='*/archs/linux-[!ax]*'
}
fetch "node-linux-$arch/-/node-linux-$arch-$1.tgz" /opt/node
fetch "npm/-/npm-$2.tgz" /opt/node/lib/node_modules/npm
ln -sf ../lib/node_modules/npm/bin/npm-cli.js /opt/node/bin/npm
ln -sf ../lib/node_modules/npm/bin/npx-cli.js /opt/node/bin/npx
chmod 755 /opt/node/bin/node /opt/node/lib/node_modules/npm/bin/*-cli.js
mkdir -p /opt/node/etc
printf '%s\\n' script-shell=/bin/bash cache=/tmp/.npm logs-max=0 update-notifier=false fund=false audit=false >/opt/node/etc/npmrc
node --version
npm --version`;

/** Node, npm and the project's package manager below /opt/node. */
export function runtimeLayer(
  nodeVersion: string,
  npmVersion: string,
  manager: Manager,
  available: Available,
  launch: boolean,
): PlanLayer {
  const env = { NPM_REGISTRY: available.npmRegistry, NODE_EXTRA_CA_CERTS: certificates };
  const base: PlanCommand = {
    argv: ["bash", "-c", unpack, "install-node", nodeVersion, npmVersion],
    user: "root",
    env,
    withConfig: false,
    hint: `Node ${nodeVersion} or npm ${npmVersion} could not be fetched from the npm registry: check the versions and push again.`,
  };
  const extra = manager.kind === "npm" ? [] : [managerCommand(manager, env)];
  const names = [
    `node ${nodeVersion}`,
    `npm ${npmVersion}`,
    ...(manager.kind === "npm" ? [] : [shownManager(manager)]),
  ];
  return {
    name: "runtime",
    title: `Installing ${names.join(", ")}`,
    files: [],
    commands: [base, ...extra],
    launch,
    keep: [nodeHome],
  };
}

function managerCommand(manager: Manager, env: Readonly<Record<string, string>>): PlanCommand {
  const hint = `${shownManager(manager)} could not be installed: check packageManager in package.json.`;
  if (manager.kind === "bun") {
    return {
      argv: ["bash", "-c", unpackBun, "install-bun", manager.version],
      user: "root",
      env,
      withConfig: false,
      hint,
    };
  }
  const name = manager.kind === "berry" ? "@yarnpkg/cli-dist" : manager.kind;
  return {
    argv: [
      "npm",
      "install",
      "--global",
      "--prefix",
      nodeHome,
      "--registry",
      env["NPM_REGISTRY"] ?? "",
      `${name}@${manager.version}`,
    ],
    user: "root",
    env: { ...env, npm_config_cache: "/tmp/npm-root" },
    withConfig: false,
    hint,
  };
}

export function shownManager(manager: Manager): string {
  return `${manager.kind === "berry" ? "yarn" : manager.kind} ${manager.version}`;
}
