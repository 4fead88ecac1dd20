"""What the supervisor keeps alive: the proxy, the hub and its services, each restarted when it dies."""

from __future__ import annotations

import configparser
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import PROJECT, Settings
from hub import family
from hub.keys import Keys
from hub.network import Network, proxy_command, proxy_environment, routes
from hub.vault import VENDOR_KEYS

__all__ = ["PROGRAMS", "environment", "kept_alive", "write"]

#: In the order in which they start; they stop in the opposite one.
PROGRAMS = ("proxy", "hub", "api", "worker", "dashboards")

#: What the hub alone is given: by it the identity provider knows the hub.
_HUB_KEYS = ("ALPHAPULSE_AUTH_CLIENT_SECRET",)

_HUB_STOPS_WITHIN = 25  # seconds; it ends every workspace before itself
_ALL_STOP_WITHIN = 45  # seconds
_STARTS_TRIED = 3  # of a program that never came up, before its start is called a failure


@contextmanager
def kept_alive(chosen: Settings, network: Network, held: Keys) -> Iterator[Callable[[], None]]:
    """Run the supervisor; at the end of the block, end it and all that was ever started under it.

    Parameters
    ----------
    chosen : Settings
        The settings in force; the hub is given these, wherever they were read.
    network : Network
        Where the parts listen.
    held : Keys
        The secrets; the proxy's token is handed on in the environment.

    Yields
    ------
    callable
        Raises HubError when the supervisor is gone or has given a program up.
    """
    home = chosen.home_root
    log = home / "logs" / "supervisor.log"
    log.touch()
    before = log.stat().st_size
    routes(home).unlink(missing_ok=True)  # a proxy that is restarted reads them; those of the last time lead nowhere
    process = subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(write(home, network))],
        env=family.mark(home) | environment(chosen) | proxy_environment(chosen, held.proxy_token, network),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches our own process alone, which then ends the others in their order
        preexec_fn=family.end_with_parent,
    )

    def healthy() -> None:
        if process.poll() is not None:
            raise HubError(f"The supervisor ended by itself ({process.returncode}).", f"See {log}")
        with log.open(encoding="utf-8", errors="replace") as file:
            file.seek(before)
            given_up = _given_up(file.read())
        if given_up:
            raise HubError(f"The {given_up} does not start.", f"Its last words are in {home / 'logs' / given_up}.log")

    try:
        yield healthy
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of the children behind
        process.terminate()
        try:
            process.wait(timeout=_ALL_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
        family.end(home)


def environment(chosen: Settings) -> dict[str, str]:
    """Settings as the variables that say the same."""
    values = chosen.model_dump(mode="json", exclude={"api_token"})  # the services have tokens of their own
    return {f"ALPHAPULSE_{name.upper()}": "" if value is None else str(value) for name, value in values.items()}


def _given_up(said: str) -> str | None:
    """The program that the supervisor's log says will not come up."""
    for program in PROGRAMS:
        never_ran = f"success: {program} entered RUNNING" not in said
        if f"{program} entered FATAL" in said or (never_ran and said.count(f"exited: {program} (") >= _STARTS_TRIED):
            return program
    return None


def write(home: Path, network: Network) -> Path:
    """Write the supervisor's configuration.

    Parameters
    ----------
    home : Path
        The home folder, with ``run``, ``hub`` and ``logs`` in it.
    network : Network
        Where the parts listen.

    Returns
    -------
    Path
        The file, without a secret in it: the proxy's token is handed on in the environment.
    """
    hub = [sys.executable, "-m", "jupyterhub", "--config", str(PROJECT / "jupyterhub_config.py")]
    config = configparser.RawConfigParser()
    config["supervisord"] = {
        "nodaemon": "true",
        "logfile": _escaped(str(home / "logs" / "supervisor.log")),
        "pidfile": _escaped(str(home / "run" / "supervisor.pid")),
        "childlogdir": _escaped(str(home / "logs")),
    }
    commands = {"proxy": proxy_command(network), "hub": hub}
    for place, name in enumerate(PROGRAMS, start=1):
        command = commands.get(name, [sys.executable, "-m", f"hub.{name}"])
        # The lowest priority starts first and stops last.
        section = _program(command, home / "logs" / f"{name}.log", home / "hub", priority=10 * place)
        # Every child inherits the supervisor's variables.
        others = (*(VENDOR_KEYS if name != "worker" else ()), *(_HUB_KEYS if name != "hub" else ()))
        section["environment"] = ",".join(f'{each}=""' for each in others)
        config[f"program:{name}"] = section
    path = home / "run" / "supervisor.conf"
    with path.open("w", encoding="utf-8") as file:
        config.write(file)
    return path


def _program(command: list[str], log: Path, folder: Path, priority: int) -> dict[str, str]:
    return {
        "command": _escaped(shlex.join(command)),
        "directory": _escaped(str(folder)),
        "priority": str(priority),
        "autorestart": "true",
        "startsecs": "20",
        "startretries": "20",
        "stopwaitsecs": str(_HUB_STOPS_WITHIN),
        "redirect_stderr": "true",
        "stdout_logfile": _escaped(str(log)),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "3",
    }


def _escaped(text: str) -> str:
    return text.replace("%", "%%")  # the supervisor expands %(name)s
