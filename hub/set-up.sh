#!/bin/sh
# Makes .venv from uv.lock, and in it the proxy from hub/proxy/package-lock.json. Does nothing when both are up to date.
#   hub/set-up.sh          what `make up` needs
#   hub/set-up.sh test     and what the tests and the linters need
# Plain sh on purpose: it runs before there is any Python of ours. An interrupted set-up is finished by the next one.
set -eu
cd "$(dirname "$0")/.."
kind=${1:-up}
# Behind a company's proxy that signs TLS anew, only the system's certificates are right. uv and Node bring their own.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" NODE_USE_SYSTEM_CA="${NODE_USE_SYSTEM_CA:-1}"
here=$(pwd -P)

say() { echo "alphapulse: $*" >&2; }
fail() { say "$*"; exit 1; }
is_313() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1; }
fitting_uv() { uv --version 2>/dev/null | grep -Eq '^uv (0\.(9|[1-9][0-9])|[1-9])'; }

# The interpreter itself, never a virtual environment's: that one may be the very .venv that is about to be made anew.
find_python() {
    for candidate in python3 python3.13 "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3.13*/bin/python3.13; do
        if is_313 "$candidate"; then
            "$candidate" -c 'import sys; print(sys._base_executable or sys.executable)'
            return
        fi
    done
}

make_venv() {
    python=$(find_python)
    if [ -z "$python" ] && ! fitting_uv; then
        found=$(python3 --version 2>/dev/null) || found="no usable python3"
        fail "AlphaPulse needs Python 3.13, found: $found. Install it (pyenv install 3.13) or put uv 0.9 or newer on PATH, then run this again."
    fi
    say "making .venv with Python 3.13"
    rm -rf .venv
    mkdir .venv
    : > .venv/.unfinished
    if [ -z "$python" ]; then
        uv venv --quiet --allow-existing --seed --python 3.13 .venv ||
            fail "uv finds no Python 3.13 and could not download one; run: uv python install 3.13"
    elif ! "$python" -m venv .venv >/dev/null 2>&1; then
        { fitting_uv && uv venv --quiet --allow-existing --seed --python "$python" .venv; } ||
            fail "$python cannot make a virtual environment; install its venv module (Debian: apt-get install python3.13-venv), then run this again."
    fi
}

install_packages() {
    uv=uv
    if ! fitting_uv; then
        uv=.venv/bin/uv
        [ -x "$uv" ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9' ||
            fail "uv could not be installed (pip's own words above); check the network, then run this again."
    fi
    groups=""
    [ "$kind" = test ] && groups="--group test --group lint"
    # Compiled once here, not in every process that imports: where Python may not write beside a module
    # (PYTHONDONTWRITEBYTECODE, a read-only folder) each start of a kernel or a run would compile pandas anew.
    # shellcheck disable=SC2086  # two words a group
    UV_PROJECT_ENVIRONMENT=.venv "$uv" sync --quiet --frozen --inexact --compile-bytecode --python .venv/bin/python $groups ||
        fail "the packages could not be installed (uv's own words above); check the network and the system's certificates, then run this again."
}

install_proxy() {
    proxy=.venv/share/alphapulse/proxy
    mkdir -p "$proxy" && cp hub/proxy/package.json hub/proxy/package-lock.json "$proxy/"
    (cd "$proxy" && PATH="$here/.venv/bin:$PATH" npm ci --silent --omit=dev --ignore-scripts --no-audit --no-fund) ||
        fail "the proxy could not be installed from npm (hub/proxy/package-lock.json); check the network, then run this again."
}

[ -w . ] || fail "cannot write in $here; make it writable, or clone the project elsewhere."
exec 9< uv.lock # held until this script ends, so that two set-ups cannot meet in one .venv
if command -v flock >/dev/null && ! flock -n 9; then
    say "another set-up is at work here; waiting for it"
    flock 9
fi

wanted="$here $(cat pyproject.toml uv.lock hub/proxy/package-lock.json hub/set-up.sh | cksum)"
stamp=.venv/.ready-$kind
if [ ! -e .venv/.unfinished ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && is_313 .venv/bin/python; then
    exit 0
fi
case "$(cat .venv/.ready-up .venv/.ready-test 2>/dev/null)" in
    "" | *"$here "*) moved=no ;;
    *) moved=yes ;;
esac
if [ -e .venv/.unfinished ] || [ $moved = yes ] || ! is_313 .venv/bin/python; then
    make_venv
fi
say "installing the packages of uv.lock (a minute or two the first time)"
: > .venv/.unfinished
install_packages
install_proxy
[ "$kind" = test ] && echo "$wanted" > .venv/.ready-up
echo "$wanted" > "$stamp"
rm .venv/.unfinished
