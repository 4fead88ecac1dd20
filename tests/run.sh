#!/bin/sh
# All tests, installing what they need. What needs root (a browser, PostgreSQL) is installed where we are root; elsewhere
# the tests that need it skip and say what to install. In CI nothing that can be installed may be missing: a test that
# would skip for it fails (tests/conftest.py).
set -eu
cd "$(dirname "$0")/.."
hub/set-up.sh test

if ! command -v chromium >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "alphapulse: installing Debian's chromium for the browser tests" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null ||
        echo "alphapulse: chromium could not be installed; the browser tests will skip" >&2
fi
if [ -n "${CI:-}" ] && ! command -v chromium >/dev/null; then
    echo "alphapulse: CI has no chromium, and the browser tests may not be left out; run: apt-get install chromium" >&2
    exit 1
fi

# The server itself is started by the tests, with its own data folder and port.
if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null &&
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "alphapulse: installing Debian's postgresql for the REST API's tests" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql; } >/dev/null ||
        echo "alphapulse: postgresql could not be installed; the tests on it will skip" >&2
fi

if ! command -v promtool >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "alphapulse: installing Debian's prometheus for the tests of what the hub tells it" >&2
    # No service of its own is wanted: the tests start it, on a port of theirs.
    { apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus; } >/dev/null ||
        echo "alphapulse: prometheus could not be installed; the test that asks it will skip" >&2
fi

# The images' tests: a daemon is started by them where none runs, and their base is made of Debian's packages.
if ! { command -v dockerd && command -v mmdebstrap && command -v docker-compose && command -v mkfs.xfs; } >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "alphapulse: installing Debian's docker.io, docker-compose, mmdebstrap and xfsprogs for the images' tests" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io docker-compose mmdebstrap iptables xfsprogs; } >/dev/null ||
        echo "alphapulse: docker.io, docker-compose, mmdebstrap and xfsprogs could not be installed; the images' tests will skip" >&2
fi

# Tests that start whole hubs come after the others: each hub is several processes of its own. Two at a time; HUBS=0 is for
# a machine that has much else to do. Last, alone, comes what prints how long a killed part is away. In which order files
# are begun, tests/conftest.py says.
failed=0
.venv/bin/python -m pytest -m "not siege" -n auto --dist loadfile --no-loadscope-reorder --ignore-glob 'tests/hub/test_*.py' --ignore tests/journeys || failed=1
.venv/bin/python -m pytest -m "not siege" -n "${HUBS:-2}" --dist loadfile --no-loadscope-reorder --deselect tests/hub/test_kills.py tests/hub/test_*.py tests/journeys || failed=1
.venv/bin/python -m pytest -m "not siege" tests/hub/test_kills.py || failed=1
exit $failed
