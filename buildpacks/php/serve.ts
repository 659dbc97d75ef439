export const phpHome = "/opt/php";

/**
 * Starts php-fpm behind nginx in one container, and ends with the first of them. Called like Heroku's boot scripts:
 * `serve [-C nginx-include] [-F fpm-include] [-i php.ini] [document-root]`.
 */
export const serveScript = `#!/bin/bash
set -euo pipefail
nginx_include= fpm_include= ini= root=@ROOT@
while getopts "C:F:c:f:i:l:p:v" option; do
  case "$option" in
    C) nginx_include=/app/$OPTARG ;;
    F) fpm_include=/app/$OPTARG ;;
    i) ini=/app/$OPTARG ;;
    v) ;;
    *) echo "serve: -$option is not supported" >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || root=$1
root=\${root%/}
if ! [[ "\${PORT:-}" =~ ^[0-9]+$ ]]; then echo "PORT must be a number" >&2; exit 1; fi
if ! [[ "$root" =~ ^[A-Za-z0-9_./-]*$ ]] || ! [ -d "/app/$root" ]; then
  echo "There is no document root /app/$root" >&2
  exit 1
fi
for file in "$nginx_include" "$fpm_include" "$ini"; do
  [ -z "$file" ] || [ -r "$file" ] || { echo "There is no $file" >&2; exit 1; }
done
# One worker for each 64 MB that the container may use, as PHP apps need on average; WEB_CONCURRENCY overrules.
limit=$(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null | head -1 || true)
if [[ "$limit" =~ ^[0-9]{1,11}$ ]]; then workers=$((limit / 67108864)); else workers=16; fi
workers=\${WEB_CONCURRENCY:-$workers}
if ! [[ "$workers" =~ ^[0-9]+$ ]] || [ "$workers" -lt 2 ]; then workers=2; fi
work=$(mktemp -d)
sed "s|@PORT@|$PORT|; s|@DOCUMENT_ROOT@|/app/$root|; s|@WORK@|$work|g" ${phpHome}/nginx.conf >"$work/nginx.conf"
sed "s|@WORK@|$work|g; s|@WORKERS@|$workers|" ${phpHome}/fpm.conf >"$work/fpm.conf"
: >"$work/include.conf"
[ -z "$nginx_include" ] || cp "$nginx_include" "$work/include.conf"
[ -z "$fpm_include" ] || cat "$fpm_include" >>"$work/fpm.conf"
export PHP_INI_SCAN_DIR="/etc/php/@PHP@/fpm/conf.d:${phpHome}/conf.d"
if [ -n "$ini" ]; then mkdir "$work/ini"; cp "$ini" "$work/ini/user.ini"; PHP_INI_SCAN_DIR="$PHP_INI_SCAN_DIR:$work/ini"; fi
php-fpm@PHP@ --nodaemonize --fpm-config "$work/fpm.conf" &
fpm=$!
for _ in $(seq 100); do [ -S "$work/fpm.sock" ] && break; kill -0 $fpm 2>/dev/null || break; sleep 0.05; done
nginx -e stderr -c "$work/nginx.conf" &
nginx=$!
stop() { trap '' TERM INT; kill -QUIT $nginx 2>/dev/null || true; wait $nginx || true; kill -QUIT $fpm 2>/dev/null || true; wait $fpm || true; exit 0; }
trap stop TERM INT
code=0
wait -n $fpm $nginx || code=$?
echo "php-fpm or nginx ended with code $code" >&2
kill -TERM $fpm $nginx 2>/dev/null || true
exit $((code == 0 ? 1 : code))
`;

export const fpmConf = `[global]
daemonize = no
error_log = /proc/self/fd/2
log_limit = 16384
[www]
listen = @WORK@/fpm.sock
pm = dynamic
pm.max_children = @WORKERS@
pm.start_servers = 2
pm.min_spare_servers = 1
pm.max_spare_servers = 2
clear_env = no
catch_workers_output = yes
decorate_workers_output = no
php_admin_flag[log_errors] = on
php_admin_value[error_log] = /proc/self/fd/2
`;

export const phpIni = `expose_php = Off
display_errors = Off
memory_limit = 128M
post_max_size = 100M
upload_max_filesize = 100M
variables_order = EGPCS
opcache.enable = 1
opcache.validate_timestamps = 0
realpath_cache_ttl = 600
`;

/** nginx's settings with \`@PORT@\`, \`@DOCUMENT_ROOT@\` and \`@WORK@\` to be filled in at start. */
export const nginxConf = `daemon off;
worker_processes 1;
pid @WORK@/nginx.pid;
events {
  worker_connections 1024;
}
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  client_body_temp_path @WORK@/body;
  proxy_temp_path @WORK@/proxy;
  fastcgi_temp_path @WORK@/fastcgi;
  uwsgi_temp_path @WORK@/uwsgi;
  scgi_temp_path @WORK@/scgi;
  access_log off;
  sendfile on;
  keepalive_timeout 95s;
  server_tokens off;
  absolute_redirect off;
  client_max_body_size 100m;
  # The router speaks TLS and says so.
  map $http_x_forwarded_proto $https_word {
    default "";
    https on;
  }
  server {
    listen @PORT@;
    root "@DOCUMENT_ROOT@";
    index index.php index.html index.htm;
    location / {
      try_files $uri $uri/ /index.php$is_args$args;
    }
    location ~ [^/]\\.php(/|$) {
      fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
      if (!-f $document_root$fastcgi_script_name) {
        return 404;
      }
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_param PATH_INFO $fastcgi_path_info;
      fastcgi_param HTTPS $https_word if_not_empty;
      fastcgi_param HTTP_PROXY "";
      fastcgi_read_timeout 3600s;
      fastcgi_buffers 16 16k;
      fastcgi_buffer_size 32k;
      fastcgi_pass unix:@WORK@/fpm.sock;
    }
    location ~ /\\.(?!well-known/) {
      return 404;
    }
    location ~ ^/(Procfile|composer\\.(json|lock)|app\\.json|vendor/) {
      return 404;
    }
    include @WORK@/include.conf;
  }
}
`;
