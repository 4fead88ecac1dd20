#!/bin/sh
# Makes a base image of Debian's own packages where no image can be pulled: docker/base.sh NAME[:TAG]. As root.
# The certificates that this machine trusts beside Debian's go along: behind a mirror that signs TLS anew nothing could be
# installed without them. So such a base is for this machine's tests, not to be published.
set -eu
image=${1:?usage: docker/base.sh NAME[:TAG]}
say() { echo "alphapulse: $*" >&2; }
command -v mmdebstrap >/dev/null || { say "mmdebstrap is not installed (Debian: apt-get install mmdebstrap)"; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# What is written need not outlive a crash of this machine, here or while an image is built from it.
mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3,python3-venv --dpkgopt=force-unsafe-io \
    trixie "$folder" http://deb.debian.org/debian >"$folder.log" 2>&1 || { tail -5 "$folder.log" >&2; exit 1; }
rm "$folder.log"
for certificate in /usr/local/share/ca-certificates/*.crt; do
    [ -e "$certificate" ] && cp "$certificate" "$folder/usr/local/share/ca-certificates/"
done
chroot "$folder" update-ca-certificates >/dev/null 2>&1
rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/*
tar -C "$folder" -c . | docker import - "$image" >/dev/null
say "made $image"
