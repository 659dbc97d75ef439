import { type Refusal, refuse } from "../reading.ts";

// In the interpreter itself, or in the packages that every PHP app gets.
const builtIn = new Set(
  (
    "calendar core ctype date exif ffi fileinfo filter ftp gettext hash iconv json libxml opcache zend-opcache openssl pcntl " +
    "pcre pdo phar posix random readline reflection session shmop sockets sodium spl standard sysvmsg sysvsem sysvshm tokenizer zlib"
  ).split(" "),
);

const inPackage: Readonly<Record<string, string>> = {
  dom: "xml",
  simplexml: "xml",
  xmlreader: "xml",
  xmlwriter: "xml",
  mysqli: "mysql",
  mysqlnd: "mysql",
  pdo_mysql: "mysql",
  pdo_pgsql: "pgsql",
  pdo_sqlite: "sqlite3",
  pdo_odbc: "odbc",
  pdo_dblib: "sybase",
  pdo_firebird: "interbase",
};

const ownPackage = new Set(
  (
    "amqp apcu ast bcmath bz2 curl dba ds enchant excimer gd gearman gmagick gmp gnupg http igbinary imagick inotify intl ldap " +
    "mailparse maxminddb mbstring mcrypt memcache memcached mongodb msgpack mysql oauth odbc pcov pgsql pq ps pspell psr raphf " +
    "redis rrd smbclient snmp soap solr sqlite3 ssh2 stomp tidy uopz uploadprogress uuid xml xmlrpc xsl yac yaml zip zmq zstd"
  ).split(" "),
);

/** What nearly every app uses, whether its composer.json says so or not: one set, one image for most apps. */
const usual = ["bcmath", "curl", "intl", "mbstring", "mysql", "pgsql", "sqlite3", "xml", "zip"];

/** Debian packages with these extensions; `php` is like `8.4`. */
export function extensionPackages(extensions: readonly string[], php: string): readonly string[] | Refusal {
  const missing = extensions.filter(
    (name) => !builtIn.has(name) && inPackage[name] === undefined && !ownPackage.has(name),
  );
  if (missing.length > 0) {
    return refuse(
      `composer.json or composer.lock asks for ${missing.map((name) => `ext-${name}`).join(", ")}, which cannot be had.`,
      "Debian has no package of it for this PHP: do without, or bring your own with a Dockerfile.",
    );
  }
  const wanted = extensions.filter((name) => !builtIn.has(name)).map((name) => inPackage[name] ?? name);
  return [...new Set([...usual, ...wanted])].toSorted().map((name) => `php${php}-${name}`);
}
