import type { PlanLayer, SourceView } from "../../server/builds/plan.ts";
import { nginxConf } from "./conf.ts";
import type { StaticSettings } from "./settings.ts";

export const staticHome = "/opt/static";
export const serveCommand = `${staticHome}/serve`;

/** Fills in what only the start knows and becomes nginx. */
export const serveScript = `#!/bin/bash
set -euo pipefail
if ! [[ "\${PORT:-}" =~ ^[0-9]+$ ]]; then
  echo "PORT must be a number" >&2
  exit 1
fi
https=0
case "\${FORCE_HTTPS:-}" in ""|0|false) ;; *) https=1 ;; esac
if grep -q @AUTH_FILE@ ${staticHome}/nginx.conf; then
  if [ -z "\${BASIC_AUTH_USERNAME:-}" ] || [ -z "\${BASIC_AUTH_PASSWORD:-}" ]; then
    echo "basic_auth needs two config vars: paas config:set BASIC_AUTH_USERNAME=… BASIC_AUTH_PASSWORD=…" >&2
    exit 1
  fi
  (umask 077 && printf '%s:{PLAIN}%s\\n' "$BASIC_AUTH_USERNAME" "$BASIC_AUTH_PASSWORD" >/tmp/htpasswd)
fi
sed "s/@PORT@/$PORT/; s/@HTTPS@/$https/; s,@AUTH_FILE@,/tmp/htpasswd," ${staticHome}/nginx.conf >/tmp/nginx.conf
exec nginx -e stderr -c /tmp/nginx.conf
`;

// $1 is the start script, $2 nginx's settings; nginx itself says whether they hold.
const write = `set -eu
mkdir -p ${staticHome}
printf %s "$1" >${staticHome}/serve
printf %s "$2" >${staticHome}/nginx.conf
chmod 755 ${staticHome}/serve
sed "s/@PORT@/8080/; s/@HTTPS@/0/; s,@AUTH_FILE@,/dev/null," ${staticHome}/nginx.conf >/tmp/check.conf
nginx -t -q -e stderr -c /tmp/check.conf
rm -rf /tmp/check.conf /tmp/nginx.pid /tmp/nginx-*`;

/** nginx's settings for these files, in a layer that the run time has. A build may make a 404.html that is not there yet. */
export function serverLayer(source: SourceView, settings: StaticSettings, isBuilt = false): PlanLayer {
  const { root } = settings;
  const hasNotFoundPage = isBuilt || source.has(root === "" ? "404.html" : `${root}/404.html`);
  const conf = nginxConf(settings, hasNotFoundPage);
  return {
    name: "server",
    title: "Setting up nginx",
    files: [],
    commands: [
      {
        argv: ["sh", "-c", write, "write-server", serveScript, conf],
        name: "setting up nginx",
        user: "root",
        withConfig: false,
        hint: "nginx refuses the settings above: correct the Staticfile or static.json.",
      },
    ],
    launch: true,
    keep: [staticHome],
  };
}
