#!/bin/sh
# What the database's container runs: PostgreSQL on /srv/database/data, with a role and a database for each file in
# /srv/database/passwords, whose content is the role's password.
set -eu
home=/srv/database
data=$home/data
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
[ -d "$home/passwords" ] || { echo "alphapulse: $home/passwords is missing; start it with: make compose-up" >&2; exit 1; }

if [ ! -s "$data/PG_VERSION" ]; then
    rm -rf "$data.new" # of a start that was cut short
    initdb --pgdata="$data.new" --username=postgres --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 \
        --locale=C.UTF-8 >/dev/null
    echo "host all all samenet scram-sha-256" >>"$data.new/pg_hba.conf"
    mv "$data.new" "$data"
fi
rm -f "$data/postmaster.pid" # of a container that was killed: no other one has this volume

# Before anybody is let in.
pg_ctl --pgdata="$data" --wait --silent --options="-k /tmp -c listen_addresses=''" start
for password in "$home"/passwords/*; do
    psql --host=/tmp --username=postgres --dbname=postgres --quiet --no-psqlrc --set=ON_ERROR_STOP=1 \
        --set=name="$(basename "$password")" --set=file="$password" >/dev/null <<'SQL'
\set password `cat :'file'`
SELECT format('CREATE ROLE %I LOGIN', :'name') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'name', :'password') \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'name') \gexec
SQL
done
pg_ctl --pgdata="$data" --wait --silent stop
exec postgres -D "$data" -k /tmp -c listen_addresses='*'
