export const staticHome = "/opt/static";

export interface ServerSettings {
  /** Absolute folder that is served. */
  readonly root: string;
  readonly isSinglePage: boolean;
  readonly hasNotFoundPage: boolean;
}

/** Fills the port in at start and becomes nginx. */
export const serveScript = `#!/bin/bash
set -euo pipefail
if ! [[ "\${PORT:-}" =~ ^[0-9]+$ ]]; then
  echo "PORT must be a number" >&2
  exit 1
fi
sed "s/@PORT@/$PORT/" ${staticHome}/nginx.conf >/tmp/nginx.conf
exec nginx -e stderr -c /tmp/nginx.conf
`;

/** nginx's settings with \`@PORT@\` for the port. A file whose name carries a hash of its content never changes. */
export function nginxConf(settings: ServerSettings): string {
  const fallback = settings.isSinglePage ? "/index.html" : "=404";
  return `daemon off;
worker_processes 1;
pid /tmp/nginx.pid;
events {
  worker_connections 1024;
}
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  charset utf-8;
  client_body_temp_path /tmp/nginx-body;
  proxy_temp_path /tmp/nginx-proxy;
  fastcgi_temp_path /tmp/nginx-fastcgi;
  uwsgi_temp_path /tmp/nginx-uwsgi;
  scgi_temp_path /tmp/nginx-scgi;
  log_format plain '$request_method $request_uri $status $body_bytes_sent';
  access_log /dev/stdout plain;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 75s;
  server_tokens off;
  absolute_redirect off;
  gzip on;
  gzip_vary on;
  gzip_proxied any;
  gzip_min_length 1000;
  gzip_types text/css text/plain text/xml text/javascript application/javascript application/json application/xml
    application/manifest+json application/wasm image/svg+xml;
  map $uri $cache {
    default "public, max-age=300";
    "~*/$" "no-cache";
    "~*\\.html?$" "no-cache";
    "~*[.-][0-9a-f]{8,}\\.[a-z0-9]+$" "public, max-age=31536000, immutable";
    "~[.-](?=[A-Za-z0-9_]*[0-9])(?=[A-Za-z0-9_]*[A-Z])[A-Za-z0-9_]{8}\\.[a-z0-9]+$" "public, max-age=31536000, immutable";
  }
  server {
    listen @PORT@;
    root "${settings.root}";
    index index.html index.htm;
    add_header Cache-Control $cache;
    add_header X-Content-Type-Options nosniff;
${settings.hasNotFoundPage ? "    error_page 404 /404.html;\n" : ""}    location / {
      try_files $uri $uri/ ${fallback};
    }
    location ~ /\\.(?!well-known/) {
      return 404;
    }
    location ~ ^/(Staticfile|Procfile|app\\.json)$ {
      return 404;
    }
  }
}
`;
}
