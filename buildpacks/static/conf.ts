import { authFile, type PatternRule, type StaticSettings } from "./settings.ts";

const hidden = ["Staticfile", "Staticfile\\.auth", "static\\.json", "Procfile", "app\\.json"];

/**
 * nginx's settings, with `@PORT@`, `@HTTPS@` and `@AUTH_FILE@` for what the start fills in. A file whose name carries
 * a hash of its content never changes.
 */
export function nginxConf(settings: StaticSettings, hasNotFoundPage: boolean): string {
  const { root, redirects, headers } = settings;
  const lines = [
    ...(settings.hasIncludes ? ["ssi on;"] : []),
    ...(settings.listsFolders ? ["autoindex on;"] : []),
    ...authLines(settings.auth),
    "if ($insecure) {",
    "  return 301 https://$host$request_uri;",
    "}",
    ...errorPages(settings, hasNotFoundPage),
    ...redirects.flatMap((r) => [
      `location ~ ${quotedPattern("", r.pattern)} {`,
      `  return ${r.status} ${quoted(r.value)};`,
      "}",
    ]),
    "location / {",
    `  try_files $uri $uri/${settings.hasCleanUrls ? " $uri.html" : ""} ${fallback(settings)};`,
    "}",
    ...(settings.showsDotFiles ? [] : ["location ~ /\\.(?!well-known/) {", "  return 404;", "}"]),
    `location ~ ^/(${hidden.join("|")})$ {`,
    "  return 404;",
    "}",
  ];
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
  access_log ${settings.logsRequests ? "/dev/stdout plain" : "off"};
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
  map $http_x_forwarded_proto $insecure {
    default 0;
    http ${settings.forcesHttps ? "1" : "@HTTPS@"};
  }
${indented(maps(settings), "  ")}  server {
    listen @PORT@;
    root "${root === "" ? "/app" : `/app/${root}`}";
    index index.html index.htm;
    add_header Cache-Control $cache;
    add_header X-Content-Type-Options nosniff;
${settings.hsts === undefined ? "" : `    add_header Strict-Transport-Security "${settings.hsts}" always;\n`}${headers
  .map((h, at) => `    add_header ${quoted(h.name)} $header_${at} always;\n`)
  .join("")}${indented(lines, "    ")}  }
}
`;
}

function authLines(auth: StaticSettings["auth"]): readonly string[] {
  if (auth === undefined) return [];
  return ['auth_basic "Restricted";', `auth_basic_user_file ${auth === "file" ? `/app/${authFile}` : "@AUTH_FILE@"};`];
}

function errorPages(settings: StaticSettings, hasNotFoundPage: boolean): readonly string[] {
  const written = Object.entries(settings.errorPages).map(([codes, page]) => `error_page ${codes} ${quoted(page)};`);
  const covers404 = Object.keys(settings.errorPages).some((codes) => codes.includes("404"));
  return [...written, ...(hasNotFoundPage && !covers404 ? ["error_page 404 /404.html;"] : [])];
}

function fallback({ isSinglePage, routes }: StaticSettings): string {
  if (isSinglePage) return "/index.html";
  return routes.length > 0 ? "$route =404" : "=404";
}

/** A variable stands for every text of the user's that depends on the path: `add_header` of an empty one adds nothing. */
function maps({ routes, headers, redirects }: StaticSettings): readonly string[] {
  const texts = [...routes, ...headers, ...redirects];
  if (texts.length === 0) return [];
  return [
    // nginx has no other way to write a dollar.
    'geo $dollar { default "$"; }',
    ...(routes.length > 0 ? mapOf("$route", routes, "/.no-such-file") : []),
    // What was asked for: by the time of the answer $uri may be /index.html.
    ...(headers.length > 0 ? ["map $request_uri $asked {", '  "~^(?<path>[^?]*)" $path;', "}"] : []),
    ...headers.flatMap((header, at) => mapOf(`$header_${at}`, [header], "", "$asked")),
  ];
}

function mapOf(variable: string, rules: readonly PatternRule[], otherwise: string, of = "$uri") {
  const lines = rules.map(({ pattern, value }) => `  ${quotedPattern("~", pattern)} ${quoted(value)};`);
  return [`map ${of} ${variable} {`, `  default "${otherwise}";`, ...lines, "}"];
}

/** `/a/*.js` → `"^/a/[^/]*\\.js$"`, between nginx's quotes; `**` is anything. */
function quotedPattern(prefix: string, pattern: string): string {
  const parts = pattern.split(/(\*\*|\*)/).map((part) => {
    if (part === "**") return ".*";
    return part === "*" ? "[^/]*" : part.replace(/[\\.+()|{}$^?[\]]/g, "\\$&");
  });
  return `"${prefix}^${escaped(parts.join(""))}$"`;
}

/** A user's text between nginx's quotes. */
function quoted(text: string): string {
  return `"${escaped(text).replaceAll("$", "${dollar}")}"`;
}

function escaped(text: string): string {
  return text
    .replace(/[\r\n\0]/g, " ")
    .replace(/\\/g, "\\\\")
    .replace(/"/g, '\\"');
}

function indented(lines: readonly string[], by: string): string {
  return lines.map((line) => `${by}${line}\n`).join("");
}
