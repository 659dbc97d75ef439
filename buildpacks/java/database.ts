/**
 * Sourced at start: from DATABASE_URL the names that JDBC and Spring read, unless they are set already.
 * Names as on Heroku: https://devcenter.heroku.com/articles/connecting-to-relational-databases-on-heroku-with-java
 */
export const databaseScript = `paas_decoded() { printf '%b' "\${1//%/\\\\x}"; }
if [[ "\${DATABASE_URL:-}" =~ ^(postgres|postgresql|mysql|mysql2)://([^:@/]*)(:([^@]*))?@([^/?]+)/(.*)$ ]]; then
  paas_kind=\${BASH_REMATCH[1]}
  case "$paas_kind" in
    mysql*) paas_kind=mysql ;;
    *) paas_kind=postgresql ;;
  esac
  : "\${JDBC_DATABASE_URL:=jdbc:$paas_kind://\${BASH_REMATCH[5]}/\${BASH_REMATCH[6]}}"
  : "\${JDBC_DATABASE_USERNAME:=$(paas_decoded "\${BASH_REMATCH[2]}")}"
  : "\${JDBC_DATABASE_PASSWORD:=$(paas_decoded "\${BASH_REMATCH[4]}")}"
  export JDBC_DATABASE_URL JDBC_DATABASE_USERNAME JDBC_DATABASE_PASSWORD
  export SPRING_DATASOURCE_URL="\${SPRING_DATASOURCE_URL:-$JDBC_DATABASE_URL}"
  export SPRING_DATASOURCE_USERNAME="\${SPRING_DATASOURCE_USERNAME:-$JDBC_DATABASE_USERNAME}"
  export SPRING_DATASOURCE_PASSWORD="\${SPRING_DATASOURCE_PASSWORD:-$JDBC_DATABASE_PASSWORD}"
fi
unset -f paas_decoded
unset paas_kind
`;
