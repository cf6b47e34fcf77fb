#!/bin/sh
# What the official image's entrypoint does for a project: a first start makes the database that
# POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB name, on a server that no network reaches.
set -eu
[ "${1:-}" = postgres ] || exec "$@"
mkdir -p "$PGDATA" /var/run/postgresql
chown -R postgres:postgres "$PGDATA" /var/run/postgresql
chmod 700 "$PGDATA"
as() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    [ -n "${POSTGRES_PASSWORD:-}" ] || { echo "POSTGRES_PASSWORD is not set" >&2; exit 1; }
    user=${POSTGRES_USER:-postgres}
    secret=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" > "$secret"
    chown postgres "$secret"
    as initdb --username="$user" --pwfile="$secret" --auth-local=trust --auth-host=scram-sha-256
    rm "$secret"
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    as pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    [ "${POSTGRES_DB:-$user}" = postgres ] || as createdb -U "$user" "${POSTGRES_DB:-$user}"
    for file in /docker-entrypoint-initdb.d/*.sql; do
        [ ! -f "$file" ] || as psql -U "$user" -d "${POSTGRES_DB:-$user}" -f "$file"
    done
    as pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -c "listen_addresses=*"
