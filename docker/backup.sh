# The backup of docker/compose.yaml's installation, and its restoring: read by docker/compose.sh. What is in the file is said
# by hub/backup/composed.py, which runs in a container that sees the volumes and nothing else, not even a network.

# The volumes of parts that are kept whole. The database's is read for the dumps alone; the master key's is in no backup.
KEPT="hub proxy api worker dashboards guard tls api-files dashboards-files catalog"

peoples() { docker volume ls --quiet --filter "label=alphapulse.hub=$prefix"; }

# Those that are there of this installation: by whole names, for another one's may begin alike.
volumes() {
    for each in $KEPT database master; do docker volume inspect --format '{{.Name}}' "$prefix-$each" 2>/dev/null || true; done
    peoples
}

# keeper WHAT [OPTION...]: hub.backup.composed, with these options of docker's.
keeper() {
    what=$1
    shift
    docker run --rm --interactive --network none --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
        --pids-limit 100 --user 1000:1000 --workdir /tmp "$@" "alphapulse/workspace:$TAG" python -m hub.backup.composed "$what"
}

# keep WHAT: the keeper with every volume at its place, and temporary files on the disk, not in memory.
keep() {
    what=$1
    set -- --env TMPDIR=/srv/kept/database/backup --volume "$prefix-database:/srv/kept/database"
    for each in $KEPT; do set -- "$@" --volume "$prefix-$each:/srv/kept/$each"; done
    for each in $(peoples); do set -- "$@" --volume "$each:/srv/kept/${each#"$prefix-"}"; done
    keeper "$what" "$@"
}

# own_volume NAME LIMIT: a person's, as hub/docker_spawner.py makes it; unlimited where Docker's storage cannot.
own_volume() {
    refused=$(docker volume create --label "alphapulse.hub=$prefix" ${2:+--opt "$2"} "$1" 2>&1 >/dev/null) && return
    case "$refused" in
    *"no quota support"*) docker volume create --label "alphapulse.hub=$prefix" "$1" >/dev/null ;;
    *) say "$refused"; exit 1 ;;
    esac
}

# database WHAT...: a program of PostgreSQL's in its container, as its administrator.
database() { docker exec --interactive "$prefix-database" "$@"; }

backup() {
    file=$1
    [ -n "$file" ] || { say "say which file: make compose-backup FILE=kept.tar"; exit 1; }
    [ ! -e "$file" ] || { say "$file is there already: name another one, no backup is overwritten"; exit 1; }
    database pg_isready --quiet --host=/tmp --dbname=hub || { say "the database is not up: make compose-up"; exit 1; }
    [ -e "$settings" ] || settings=/dev/null
    umask 077
    trap 'rm -f "$file.partial"; database rm -rf /srv/database/backup' EXIT
    # Before the files that they name: one that came later is in nobody's way. The worker's first: what the API says of a
    # firing must be no older than what the worker says.
    database sh -eu -c 'rm -rf /srv/database/backup; mkdir -m 700 /srv/database/backup
        for name in worker api hub; do
            pg_dump --host=/tmp --username=postgres --format=custom --no-owner --no-privileges \
                --file="/srv/database/backup/$name.dump" "$name"
        done'
    keep take <"$settings" >"$file.partial"
    sync "$file.partial"
    mv "$file.partial" "$file"
    say "$file  $(du -h "$file" | cut -f 1), for you alone to read"
    say "what opens the vendors' keys is not in it: it is in the volume $prefix-master, keep a copy of that elsewhere"
}

restore() {
    file=$1
    [ -r "$file" ] || { say "there is no file '$file' to read: make compose-restore FILE=kept.tar"; exit 1; }
    held=$(volumes | head -1)
    [ -z "$held" ] || { say "nothing was restored: there are volumes already, $held for one. Restore where there are none, or under another ALPHAPULSE_DOCKER_PREFIX"; exit 1; }
    people=$(keeper check <"$file")
    umask 077
    trap undo EXIT
    compose run --rm -T prepare true >/dev/null 2>&1
    compose run --rm -T tls true >/dev/null 2>&1
    for each in $people; do
        name=$prefix-${each%%:*}
        own_volume "$name" "${each#*:}"
        # A new volume is its first place's owner's, and /catalog of the image is the researcher's, and empty.
        docker run --rm --network none --volume "$name:/catalog" "alphapulse/workspace:$TAG" true
    done
    keep put <"$file" >"$settings.restored"
    fill_database
    compose down >/dev/null 2>&1
    trap - EXIT
    if [ ! -e "$settings" ]; then mv "$settings.restored" "$settings"; told=$settings; else told=$settings.restored; fi
    say "restored. The settings that it ran with are in $told; start it with: make compose-up"
    say "vendors' keys open once the master key is in the volume $prefix-master (docs/how-to/compose.md)"
}

fill_database() {
    compose up --detach database >/dev/null 2>&1
    tries=0
    until [ "$(docker inspect --format '{{.State.Health.Status}}' "$prefix-database")" = healthy ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 120 ] || { say "the database is not well after $tries seconds: docker/compose.sh logs database"; exit 1; }
        sleep 1
    done
    # Workspaces that ran then do not run.
    database sh -eu -c 'for name in worker api hub; do
            pg_restore --host=/tmp --username=postgres --no-owner --no-privileges --role="$name" --exit-on-error \
                --single-transaction --dbname="$name" "/srv/database/backup/$name.dump"
        done
        psql --host=/tmp --username=postgres --dbname=hub --quiet --no-psqlrc --set=ON_ERROR_STOP=1 \
            --command="UPDATE spawners SET server_id = NULL, state = NULL, started = NULL"
        rm -rf /srv/database/backup'
}

# What a restoring that did not come to its end made: there were no volumes before.
undo() {
    compose down --remove-orphans >/dev/null 2>&1 || true
    for each in $(volumes); do docker volume rm "$each" >/dev/null || true; done
    rm -f "$settings.restored"
    say "nothing was restored"
}
