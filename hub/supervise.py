"""`make up`, `make down`, `make reset`: one hub a home folder, kept alive in the foreground, ended whole."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import psutil
from filelock import FileLock, Timeout

from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import Settings, settings
from hub import access, family, network, origins, programs, sample, spawner
from hub.keys import Keys, keys
from hub.network import Network

__all__ = ["down", "is_up", "kept_down", "reset", "up"]

type Say = Callable[[str], None]
type Ask = Callable[[str], str]

#: What `reset` removes from a home folder; whatever else is there stays.
_OURS = (
    "api",
    "cache",
    "catalog",
    "dashboards",
    "groups",
    "hub",
    "ledger",
    "logs",
    "run",
    "users",
    "worker",
    "keys.json",
    "master.key",
    "settings.env",
)
#: What only AlphaPulse writes: without one of them the folders above are somebody else's.
_SIGNS = ("keys.json", "run/up.lock", "catalog/catalog.json", "ledger/ledger.sqlite")
_READY_WITHIN = 300.0  # seconds; a cold disk on a busy machine
_DOWN_WITHIN = 60.0  # seconds; every workspace is given time to end
_LOOKED_AT_WITHIN = 2.0  # seconds; `alphapulse status` holds the lock for a moment, to learn whether anybody does


def up(say: Say) -> None:
    """Start the hub and stay until interrupted; when it is up already, say where.

    Parameters
    ----------
    say : callable
        Takes each line that the person should read.

    Raises
    ------
    AlphaPulseError
        A setting, a taken port, a folder: each says what is wrong and what to do.
    """
    chosen = settings()
    access.check(chosen)
    spawner.check(chosen)
    origins.check(chosen)
    network.fronts(chosen)
    home = chosen.home_root
    _prepare(home)
    try:
        with FileLock(_lock(home), timeout=_LOOKED_AT_WITHIN), _interrupts():
            _run(chosen, home, say)
    except Timeout:
        if not _network_file(home).exists():
            say("AlphaPulse is just being started in another terminal.")
            return
        say("AlphaPulse is already up.")
        _welcome(chosen, network.read(_network_file(home)), keys(home), say)
    except OSError as refused:
        raise HubError(
            f"{refused.filename or home} cannot be written: {(refused.strerror or str(refused)).lower()}.",
            f"Look at the space and the rights of {home}.",
        ) from None
    except KeyboardInterrupt:
        say("AlphaPulse is down.")


def down(say: Say) -> None:
    """Stop the hub of this home folder, from any terminal; by force when it does not stop in time.

    Raises
    ------
    HubError
        Another program holds its lock, or is another account's.
    """
    home = settings().home_root
    if is_up(home):
        _stop(home, say)
        say("AlphaPulse is down.")
    elif family.end(home):
        say("AlphaPulse was not up; what was left of it has been ended.")
    else:
        say("AlphaPulse was not up.")


def reset(say: Say, ask: Ask) -> None:
    """Remove all that AlphaPulse keeps in the home folder, after asking.

    Parameters
    ----------
    say : callable
        Takes each line that the person should read.
    ask : callable
        Puts a question and returns the answer; anything but ``yes`` keeps everything.

    Raises
    ------
    HubError
        The hub is up, or nobody said yes.
    """
    home = settings().home_root
    if is_up(home):
        raise HubError("AlphaPulse is up.", "Stop it first: make down")
    there = [home / name for name in _OURS if (home / name).exists() or (home / name).is_symlink()]
    if there and not any((home / sign).exists() for sign in _SIGNS):
        raise HubError(
            f"{home} is not a home folder that AlphaPulse made: nothing was removed.",
            "Set ALPHAPULSE_HOME to the one that is.",
        )
    if not there:
        say(f"Nothing to remove in {home}.")
        return
    say(f"This removes for good, in {home}: {', '.join(path.name for path in there)}")
    if ask("Type yes to go on: ").strip().lower() != "yes":
        raise HubError("Nothing was removed.", "It takes the answer yes.")
    try:
        for path in there:
            path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)
    except OSError as refused:
        raise HubError(
            f"{refused.filename} could not be removed: {(refused.strerror or str(refused)).lower()}.",
            "Remove it by hand, then run this again.",
        ) from None
    say("Removed. The next `make up` starts from nothing.")


def _stop(home: Path, say: Say) -> None:
    """Ask the `make up` of this home folder to end all, and wait until it has."""
    asked: psutil.Process | None = None
    deadline = time.monotonic() + _DOWN_WITHIN
    while is_up(home):
        if asked is None and (asked := _running(home)):
            asked.terminate()
            asked.resume()  # one that was stopped would not hear it
        if time.monotonic() > deadline:
            if asked is None:
                raise HubError(f"{_lock(home)} is held, and not by a `make up`.", "End the program that holds it.")
            asked.kill()
            family.end(home)
            say(f"It did not stop within {_DOWN_WITHIN:.0f} s and was ended by force.")
            return
        time.sleep(0.2)


# --- the parts of `up` ---------------------------------------------------------------------------------------------


def _prepare(home: Path) -> None:
    try:
        for folder in (home, home / "run", home / "logs", home / "hub", home / "users"):
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / ".probe"
            probe.touch()
            probe.unlink()
    except OSError as refused:
        raise HubError(
            f"Cannot write in {home}: {(refused.strerror or str(refused)).lower()}.",
            "Make it writable, or set ALPHAPULSE_HOME to a folder that is.",
        ) from None
    for private in ("hub", "logs", "run", "users"):
        (home / private).chmod(0o700)


def _run(chosen: Settings, home: Path, say: Say) -> None:
    _network_file(home).unlink(missing_ok=True)  # of the last time
    _pid_file(home).write_text(str(os.getpid()), encoding="utf-8")
    family.end(home)  # what a killed hub may have left
    held = keys(home)
    places = network.choose(chosen)
    places.write(_network_file(home))
    sample.fill(chosen, say)
    with programs.kept_alive(chosen, places, held) as healthy:
        deadline = time.monotonic() + _READY_WITHIN
        wanted = (f"{places.hub_api}/hub/api/", f"{places.url}/hub/api/", *places.health)
        while not all(_answers(url) for url in wanted):
            healthy()
            if time.monotonic() > deadline:
                raise HubError(f"The hub does not answer after {_READY_WITHIN:.0f} s.", f"See {home / 'logs'}.")
            time.sleep(0.25)
        _welcome(chosen, places, held, say)
        while True:
            healthy()
            time.sleep(1)


def _answers(url: str) -> bool:
    at = urlsplit(url)
    door = HTTPConnection(at.hostname or "", at.port, timeout=5)
    try:
        door.request("GET", at.path)
        return door.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        door.close()


def _welcome(chosen: Settings, places: Network, held: Keys, say: Say) -> None:
    say(f"\n  AlphaPulse   {places.subdomain_host or places.url}")
    if chosen.auth != "password":
        say(f"  sign in      through {chosen.auth}")
    else:
        for names, password in (
            (access.admins(chosen), held.admin_password),
            (access.users(chosen), held.user_password),
        ):
            if names:
                say(f"  user         {' or '.join(sorted(names))}\n  password     {password}")
        if chosen.users.strip() == "*":
            say(f"  user         any other name\n  password     {held.user_password}")
    if warning := spawner.warning(chosen):
        say(f"\n  {warning}")
    say("\n  Ctrl-C stops it; so does `make down` in another terminal.\n")


@contextmanager
def _interrupts() -> Iterator[None]:
    """Take SIGTERM and a closed terminal for Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup said so
        signal.signal(signal.SIGHUP, interrupt)
    yield


@contextmanager
def kept_down(home: Path) -> Iterator[None]:
    """Let no hub of this home folder start meanwhile.

    Raises
    ------
    HubError
        It is up.
    """
    if is_up(home):
        raise HubError("AlphaPulse is up.", "Stop it first: make down")
    _lock(home).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(_lock(home), timeout=_LOOKED_AT_WITHIN):
        yield


def _lock(home: Path) -> Path:
    return home / "run" / "up.lock"


def _pid_file(home: Path) -> Path:
    return home / "run" / "up.pid"


def _network_file(home: Path) -> Path:
    return home / "run" / "network.json"


def _running(home: Path) -> psutil.Process | None:
    """The `make up` of this home folder; none when the number it left is another process's by now."""
    try:
        process = psutil.Process(int(_pid_file(home).read_text(encoding="utf-8")))
        return process if process.cmdline()[-2:] == ["hub", "up"] else None
    except (OSError, ValueError, psutil.Error):
        return None


def is_up(home: Path) -> bool:
    """Whether some process holds the lock; a dead one cannot."""
    try:
        with _lock(home).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: others may look at the same moment
            return False
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
