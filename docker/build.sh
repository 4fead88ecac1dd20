#!/bin/sh
# Builds the images alphapulse/workspace and alphapulse/hub from uv.lock and this folder's code, tagged with the version, and
# what docker/compose.yaml needs beside them: alphapulse/database and alphapulse/tls, of Debian's packages.
#   docker/build.sh              all of them
#   docker/build.sh workspace    one
# BASE_IMAGE, UV_DEFAULT_INDEX and NPM_CONFIG_REGISTRY are handed on where they are set; TAG is the version unless set.
set -eu
cd "$(dirname "$0")/.."

say() { echo "alphapulse: $*" >&2; }
command -v docker >/dev/null || { say "docker is not installed (Debian: apt-get install docker.io)"; exit 1; }
docker version >/dev/null 2>&1 || { say "the Docker daemon does not answer; start it (systemctl start docker, or dockerd)"; exit 1; }

version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
[ -z "$(git status --porcelain 2>/dev/null)" ] || revision="$revision-changed"

for image in ${*:-workspace hub database tls}; do
    [ -f "docker/$image.Dockerfile" ] || { say "there is no image '$image'; there are: workspace hub database tls"; exit 1; }
    set --
    for name in BASE_IMAGE UV_DEFAULT_INDEX NPM_CONFIG_REGISTRY; do
        if eval "[ -n \"\${$name:-}\" ]"; then set -- "$@" --build-arg "$name"; fi
    done
    say "building alphapulse/$image:${TAG:-$version}"
    docker build --quiet --file "docker/$image.Dockerfile" --tag "alphapulse/$image:${TAG:-$version}" \
        --build-arg "VERSION=$version" --build-arg "REVISION=$revision" "$@" . >&2
    docker image inspect --format "{{.Size}}" "alphapulse/$image:${TAG:-$version}" |
        awk -v image="$image" '{ printf "alphapulse: alphapulse/%s is %.0f MB\n", image, $1 / 1e6 }' >&2
done
