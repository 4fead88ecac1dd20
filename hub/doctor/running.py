"""Whether it can run, or does: sign-in and spawner, the port, the parts, the clock, vendors' keys."""

from __future__ import annotations

import ctypes
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.engine import make_url

from alphapulse_lib import clock as time
from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.settings import Settings
from hub import access, network, spawner, status, supervise
from hub.doctor.finding import Finding
from hub.vault import VENDOR_KEYS, Vault, clear
from hub.vault_commands import in_clear

__all__ = ["CHECKS", "clock", "parts", "port", "sign_in", "vendor_keys"]

_UNSYNCHRONISED = 5  # what Linux answers where nothing keeps its clock right
_AHEAD = 60 * 10**9  # nanoseconds by which what was written may be ahead of now


def sign_in(chosen: Settings) -> Finding:
    """Whether somebody may sign in, and JupyterHub knows the authenticator and the spawner."""
    try:
        access.check(chosen)
        spawner.check(chosen)
    except AlphaPulseError as refused:
        return Finding.of("sign-in", refused)
    if chosen.spawner == "process" and chosen.address not in ("127.0.0.1", "localhost", "::1"):
        told = f"workspaces are not isolated, and {chosen.address} is reached from other machines"
        return Finding("sign-in", "warning", told, "Set ALPHAPULSE_SPAWNER to one that isolates.")
    return Finding("sign-in", "ok", f"by {chosen.auth}; workspaces by {chosen.spawner}")


def port(chosen: Settings) -> Finding:
    """Whether the port is free for the hub, or the hub's."""
    told = f"{chosen.address}:{chosen.port}"
    if supervise.is_up(chosen.home_root):
        return Finding("port", "ok", f"{told} is the hub's")
    try:
        network.require_free(chosen)
    except AlphaPulseError as refused:
        return Finding.of("port", refused)
    return Finding("port", "ok", f"{told} is free")


def parts(chosen: Settings) -> Finding:
    """Whether each part answers, the worker among them, where the hub is up."""
    if not supervise.is_up(chosen.home_root):
        return Finding("parts", "ok", "the hub is not up; `make up` starts it")
    down = [each for each in status.parts(chosen) if not each.up]
    if not down:
        return Finding("parts", "ok", "all are up")
    told = "; ".join(f"{each.name}: {each.detail}" for each in down)
    return Finding("parts", "wrong", told, f"tail -50 {down[0].log}; make down; make up")


def clock(chosen: Settings) -> Finding:
    """Whether the clock is behind what was written, is kept right by anybody, and knows the exchanges' zones."""
    try:
        ZoneInfo("America/New_York")
    except ZoneInfoNotFoundError:
        return Finding("clock", "wrong", "the time-zone database is missing", "apt-get install tzdata")
    behind = _newest(chosen) - time.now_ns()
    if behind > _AHEAD:
        told = f"it is {behind / 1e9:,.0f} s behind the newest word in the database: slots of schedules wait that long"
        return Finding("clock", "wrong", told, "timedatectl set-ntp true")
    told = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if sys.platform == "linux" and ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) == _UNSYNCHRONISED:
        mend = "timedatectl set-ntp true; in a container, on its host"
        return Finding("clock", "warning", f"{told}; the kernel says that nothing keeps it right", mend)
    return Finding("clock", "ok", told)


def vendor_keys(chosen: Settings) -> Finding:
    """Whether vendors' keys are sealed, lie in clear, or are a half; the keys themselves are not shown."""
    name, vault = "vendors' keys", Vault.of(chosen)
    try:
        sealed = vault.read()
    except AlphaPulseError as closed:
        return Finding.of(name, closed)
    held = {each: sealed.get(each) or clear(chosen).get(each, "") for each in VENDOR_KEYS}
    missing = [each for each, value in held.items() if not value]
    if missing and len(missing) < len(held):
        (given,) = set(held) - set(missing)
        return Finding(name, "wrong", f"{given} is set and {missing[0]} is not", "alphapulse keys set alpaca")
    if lying := in_clear(chosen):
        told = "; ".join(f"{', '.join(names)} in {file}" for file, names in lying.items())
        return Finding(name, "warning", f"they lie in clear: {told}", "alphapulse keys seal")
    if missing:
        return Finding(name, "ok", "Alpaca's are not set; crypto needs none")
    if not sealed:
        return Finding(name, "ok", "Alpaca's are set, in the environment")
    return Finding(name, "ok", f"Alpaca's are sealed in {vault.file}; the master key is in {vault.master}")


def _newest(chosen: Settings) -> int:
    """When a worker, or a firing, was last written of; 0 where nothing was."""
    at = make_url(chosen.api_database_url)
    if at.get_backend_name() != "sqlite":  # a server has a clock of its own
        return 0
    query = "SELECT max(seen_at) FROM workers UNION ALL SELECT max(created_at) FROM firings"
    try:
        with closing(sqlite3.connect(f"file:{at.database}?mode=ro", uri=True)) as connection:
            return max((row[0] or 0 for row in connection.execute(query)), default=0)
    except sqlite3.Error:  # what is wrong with it, its own check says
        return 0


CHECKS: tuple[Callable[[Settings], Finding], ...] = (sign_in, port, parts, clock, vendor_keys)
