#!/bin/sh
# Starts and stops the containers of docker/compose.yaml.
#   docker/compose.sh up         makes what is missing, secrets among it, and waits until each part is well
#   docker/compose.sh down       stops them and people's; the volumes stay
#   docker/compose.sh backup FILE, restore FILE    all that is kept, in one file; and back, to an empty machine
#   docker/compose.sh doctor     says of each part whether it is well, and what mends it; changes nothing
#   docker/compose.sh keys ...   is `alphapulse keys ...`, as in: docker/compose.sh keys set alpaca
#   docker/compose.sh ARGUMENTS  is docker compose, as in: docker/compose.sh logs --tail 50 hub
# Settings are in .env, or in the file that ALPHAPULSE_ENV names; ALPHAPULSE_DOCKER_PREFIX, ALPHAPULSE_TLS_PORT,
# ALPHAPULSE_HTTP_PORT, ALPHAPULSE_TLS_ADDRESS, ALPHAPULSE_TLS_NAME, ALPHAPULSE_TLS_CERTIFICATE and TAG in the environment.
set -eu
cd "$(dirname "$0")/.."

say() { echo "alphapulse: $*" >&2; }
docker version >/dev/null 2>&1 || { say "the Docker daemon does not answer; start it (systemctl start docker, or dockerd)"; exit 1; }
if docker compose version --short >/dev/null 2>&1; then program="docker compose"
elif command -v docker-compose >/dev/null; then program=docker-compose
else say "docker compose is not installed (Debian: apt-get install docker-compose)"; exit 1; fi

prefix=${ALPHAPULSE_DOCKER_PREFIX:-alphapulse}
export ALPHAPULSE_DOCKER_PREFIX="$prefix"
export TAG="${TAG:-$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)}"
export ALPHAPULSE_WORKSPACE_IMAGES="${ALPHAPULSE_WORKSPACE_IMAGES:-alphapulse/workspace:$TAG}"
export ALPHAPULSE_TLS_PORT="${ALPHAPULSE_TLS_PORT:-443}"
[ "$ALPHAPULSE_TLS_PORT" = 443 ] || export ALPHAPULSE_TLS_SUFFIX=":$ALPHAPULSE_TLS_PORT"
socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
DOCKER_SOCKET=${DOCKER_SOCKET:-${socket#unix://}}
export DOCKER_SOCKET
DOCKER_GROUP=${DOCKER_GROUP:-$(stat -L -c %g "$DOCKER_SOCKET" 2>/dev/null)} || {
    say "$DOCKER_SOCKET is not here: set DOCKER_SOCKET to the daemon's socket on its machine, and DOCKER_GROUP to its group's number"
    exit 1
}
export DOCKER_GROUP

settings=${ALPHAPULSE_ENV:-.env}
account=${SUDO_USER:-$(id -un)} # the audit log tells who set a vendor's keys

compose() { $program --project-name "$prefix" --file docker/compose.yaml "$@"; }

parts() { docker ps --all --filter "label=com.docker.compose.project=$prefix" --filter "label=com.docker.compose.oneoff=False" "$@"; }

# The parts that are not well, with what Docker says of each.
ailing() { parts --format '{{.Names}} {{.Status}}' | grep -v '(healthy)' || true; }

up() {
    for image in workspace hub database tls; do
        docker image inspect "alphapulse/$image:$TAG" >/dev/null 2>&1 || { say "there is no image alphapulse/$image:$TAG; run: make images"; exit 1; }
    done
    [ -e "$settings" ] || settings=/dev/null
    ALPHAPULSE_SETTINGS=$(sha256sum <"$settings" | cut -c 1-16)
    export ALPHAPULSE_SETTINGS
    told=$(compose run --rm -T -e LOGNAME="$account" prepare <"$settings")
    if [ -n "${ALPHAPULSE_TLS_CERTIFICATE:-}" ]; then
        compose run --rm -T tls tls take <"$ALPHAPULSE_TLS_CERTIFICATE"
    fi
    compose up --detach --remove-orphans >&2
    tries=0
    while [ -n "$(ailing)" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { say "not well after $tries seconds:"; ailing >&2; say "see: docker/compose.sh logs --tail 50"; exit 1; }
        sleep 1
    done
    echo
    echo "  AlphaPulse   https://${ALPHAPULSE_TLS_NAME:-localhost}${ALPHAPULSE_TLS_SUFFIX:-}"
    echo "$told"
}

# Each part by what Docker says of it, then what the hub and the worker see from inside; 1 where anything is wrong.
doctor() {
    wrong=0 running=
    for part in database guard proxy hub api worker dashboards tls; do
        state=$(docker inspect --format '{{.State.Status}}{{with .State.Health}}, {{.Status}}{{end}}' "$prefix-$part" 2>/dev/null) || state="there is none"
        case $state in
        "running, healthy") printf '  %-6s %-16s %s\n' ok "$part" "$state" ;;
        *)
            wrong=1
            printf '  %-6s %-16s %s\n  %-23s -> %s\n' WRONG "$part" "$state" "" "docker/compose.sh logs --tail 50 $part; make compose-up" ;;
        esac
        case $state in running*) running="$running $part " ;; esac
    done
    for part in hub worker; do
        case $running in *" $part "*) ;; *) continue ;; esac
        echo "Seen by the $part:"
        docker exec "$prefix-$part" python -m hub doctor --part "$part" || wrong=1
    done
    return $wrong
}

down() {
    compose down --remove-orphans >&2
    theirs=$(docker ps --all --quiet --filter "label=alphapulse.hub=$prefix")
    [ -z "$theirs" ] || docker rm --force $theirs >/dev/null
    networks=$(docker network ls --quiet --filter "label=alphapulse.hub=$prefix")
    [ -z "$networks" ] || docker network rm $networks >/dev/null
    say "down; what it keeps is in volumes: docker volume ls --filter name=$prefix-"
}

# The worker takes what has changed by itself.
keys() {
    terminal=-T
    [ ! -t 0 ] || terminal=
    # shellcheck disable=SC2086  # none, or one word
    compose run --rm $terminal -e ALPHAPULSE_HOME=/srv/homes/worker \
        -e ALPHAPULSE_MASTER_KEY_FILE=/srv/homes/master/master.key -e LOGNAME="$account" prepare python -m hub keys "$@"
}

case "${1:-}" in
up | down | doctor) "$1" ;;
keys) "$@" ;;
backup | restore) . docker/backup.sh; "$1" "${2:-}" ;;
"") say "say up, down or doctor, or what docker compose is to be told"; exit 1 ;;
*) compose "$@" ;;
esac
