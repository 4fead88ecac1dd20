"""`alphapulse status`: whether each part of the hub of this home folder runs, and answers."""

from __future__ import annotations

import configparser
import json
import shlex
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from alphapulse_lib import clock
from alphapulse_lib.settings import Settings, settings
from hub import family, network, supervise
from hub.api.database import opened
from hub.keys import keys
from hub.programs import PROGRAMS
from hub.worker.presence import SILENCE, WORKERS

__all__ = ["Part", "parts", "tell"]

_PATIENCE = 5.0  # seconds
_RESTARTED = "It has no process; the supervisor starts it again."


@dataclass(frozen=True)
class Part:
    """One part of the hub.

    Attributes
    ----------
    up : bool
        Whether its process runs and it answers.
    process : int or None
        The process's number.
    since : str or None
        When that process started, UTC.
    detail : str
        What is wrong with it; empty when nothing is.
    log : str
        Where its words are.
    """

    name: str
    up: bool
    process: int | None
    since: str | None
    detail: str
    log: str


def tell(say: Callable[[str], None], *, as_json: bool) -> int:
    """Say how each part is; the exit code: 0 when all are up, 1 otherwise."""
    chosen = settings()
    home = chosen.home_root
    found = parts(chosen)
    whole = all(each.up for each in found)
    begun = supervise.is_up(home) and _network_file(home).exists()
    url = network.read(_network_file(home)).url if begun else None
    if as_json:
        told = {"home": str(home), "url": url, "up": whole, "parts": [asdict(each) for each in found]}
        say(json.dumps(told, indent=1))
        return 0 if whole else 1
    say(f"{url or 'AlphaPulse is not up'}  ({home})")
    for each in found:
        running = f"process {each.process}, {_ago(each.since)}" if each.process and each.since else ""
        say(f"  {each.name:<11} {'up' if each.up else 'DOWN':<5} {running}  {each.detail}".rstrip())
    return 0 if whole else 1


def parts(chosen: Settings) -> list[Part]:
    """Each program of the supervisor, in the order in which they start."""
    home = chosen.home_root
    if not supervise.is_up(home):
        left = len(family.members(home))
        remains = f" {left} processes of one that was killed are left: `make down` ends them." if left else ""
        return [_part(home, name, None, f"The hub is not up: `make up` starts it.{remains}") for name in PROGRAMS]
    if not _network_file(home).exists():
        return [_part(home, name, None, "`make up` has only just begun.") for name in PROGRAMS]
    places = network.read(_network_file(home))
    running = _processes(home)
    checks: dict[str, Callable[[], str]] = {
        "proxy": lambda: _routes(home, places),
        # Each is asked at its own door: one that is well is not blamed for the proxy before it.
        "hub": lambda: _answers(f"{places.hub_api}/hub/api/"),
        "api": lambda: _answers(f"{places.api}/services/api/health"),
        "worker": lambda: _beats(chosen, running.get("worker")),
        "dashboards": lambda: _answers(f"{places.dashboards}/services/dashboards/health"),
    }
    with ThreadPoolExecutor(max_workers=len(PROGRAMS)) as askers:
        said = dict(zip(PROGRAMS, askers.map(lambda name: checks[name](), PROGRAMS), strict=True))
    return [_part(home, name, running.get(name), said[name]) for name in PROGRAMS]


def _part(home: Path, name: str, process: psutil.Process | None, wrong: str) -> Part:
    log = str(home / "logs" / f"{name}.log")
    if process is None:
        return Part(name, False, None, None, wrong or _RESTARTED, log)
    try:
        since = datetime.fromtimestamp(process.create_time(), UTC).isoformat(timespec="seconds")
        if process.status() == psutil.STATUS_STOPPED:
            wrong = f"It is stopped, and goes on after: kill -CONT {process.pid}"
    except psutil.NoSuchProcess:
        return Part(name, False, None, None, _RESTARTED, log)
    return Part(name, not wrong, process.pid, since, wrong, log)


def _processes(home: Path) -> dict[str, psutil.Process]:
    """The supervisor's children by the names of their programs, told apart by their commands."""
    config = configparser.RawConfigParser()
    if not config.read(home / "run" / "supervisor.conf", encoding="utf-8"):  # before the very first start
        return {}
    commands = {name: shlex.split(config[f"program:{name}"]["command"].replace("%%", "%")) for name in PROGRAMS}
    try:
        supervisor = psutil.Process(int((home / "run" / "supervisor.pid").read_text(encoding="utf-8")))
        children = {each: _words(each) for each in supervisor.children()}
    except (OSError, ValueError, psutil.Error):  # it is ending, or just beginning
        return {}
    return {name: each for name, command in commands.items() for each, words in children.items() if words == command}


def _words(process: psutil.Process) -> list[str]:
    """Its command; none of one that has just ended, which says nothing of the others."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _answers(url: str, patience: float = _PATIENCE) -> str:
    """What is wrong with what should answer; empty when nothing is."""
    asked = _asked(url, patience)
    return asked if isinstance(asked, str) else ""


def _routes(home: Path, places: network.Network) -> str:
    """A proxy that was started anew sends nobody anywhere until the hub has told it where to."""
    if not (home / "keys.json").exists():  # asking for its secrets would make new ones
        return f"{home / 'keys.json'} is gone; stop the hub and start it again."
    asked = _asked(f"{places.proxy_api}/api/routes", _PATIENCE, Authorization=f"token {keys(home).proxy_token}")
    if isinstance(asked, str):
        return asked
    at = f"/{places.domain}" if places.domain else ""
    missing = {"/", f"{at}/services/api", f"{at}/services/dashboards"} - set(asked.json())
    return f"It does not know the way to {', '.join(sorted(missing))} yet; the hub tells it." if missing else ""


def _asked(url: str, patience: float, **headers: str) -> httpx.Response | str:
    """The answer, or what is wrong with it."""
    try:
        answer = httpx.get(url, headers=headers, timeout=patience, trust_env=False)
    except httpx.TimeoutException:
        return f"It does not answer within {patience:g} s."
    except httpx.TransportError:
        return "It does not answer."
    return answer if answer.status_code == 200 else f"It answers with status {answer.status_code}."


def _beats(chosen: Settings, process: psutil.Process | None) -> str:
    """A worker listens nowhere: it writes a sign of life into the database."""
    if process is None:
        return ""
    engine = opened(chosen)
    try:
        with engine.begin() as connection:
            mine = (WORKERS.c.host == socket.gethostname()) & (WORKERS.c.process == process.pid)
            seen = connection.execute(select(WORKERS.c.seen_at).where(mine)).scalars().all()
    except SQLAlchemyError as refused:
        return f"The database does not answer: {refused}"
    finally:
        engine.dispose()
    young = clock.now_ns() - process.create_time() * 10**9 < SILENCE
    if max(seen, default=0) < clock.now_ns() - SILENCE:
        return "It has not said yet that it lives." if young else "It gives no sign of life."
    return ""


def _ago(since: str) -> str:
    seconds = int((clock.now() - datetime.fromisoformat(since)).total_seconds())
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"for {seconds // length} {unit}"
    return f"for {max(seconds, 0)} s"


def _network_file(home: Path) -> Path:
    return home / "run" / "network.json"
