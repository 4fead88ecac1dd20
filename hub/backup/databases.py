"""A database as it was at one moment, while others write to it: SQLite's online backup, PostgreSQL's own programs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import Settings

__all__ = ["BESIDE", "HEAD", "copy", "dump", "forget_servers", "kinds", "load", "require_empty", "served"]

#: How every SQLite file begins.
HEAD = b"SQLite format 3\0"
#: What belongs to a SQLite file while it is open; its copy holds what is in them.
BESIDE = ("-wal", "-shm", "-journal")
_PATIENCE = 30.0  # seconds that another's lock is waited for


def copy(source: Path, target: Path) -> None:
    """A SQLite database as it is at this moment, in a new file; whoever writes to it goes on.

    Raises
    ------
    sqlite3.Error
        It is damaged, or locked for long.
    """
    with (
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=rw", uri=True, timeout=_PATIENCE)) as held,
        closing(sqlite3.connect(target)) as copied,
    ):
        held.backup(copied)


def kinds(chosen: Settings) -> dict[str, str]:
    """What each of the hub's databases is: ``"sqlite"``, ``"postgresql"``."""
    return {name: make_url(url).get_backend_name() for name, url in _urls(chosen).items()}


def served(chosen: Settings) -> list[str]:
    """The databases that a server keeps, the worker's first.

    What the API's says of a firing must be no older than what the worker's says: what is over is not done again.
    """
    return [name for name, kind in kinds(chosen).items() if kind == "postgresql"]


def dump(chosen: Settings, name: str, target: Path) -> None:
    """A database of a PostgreSQL server as it is at this moment, in ``pg_dump``'s own form."""
    at = make_url(_urls(chosen)[name])
    _run("pg_dump", at, "--format=custom", "--no-owner", "--no-privileges", "--file", str(target))


def load(chosen: Settings, name: str, source: Path, *, replace: bool) -> None:
    """Put a dump into the database of the settings in force, in one transaction."""
    at = make_url(_urls(chosen)[name])
    more = ["--clean", "--if-exists"] if replace else []
    _run("pg_restore", at, "--no-owner", "--no-privileges", "--single-transaction", *more, str(source))


def forget_servers(url: str) -> None:
    """Tell JupyterHub that the workspaces of then do not run: what it knows of them is others' by now."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            if inspect(connection).has_table("spawners"):
                connection.execute(text("UPDATE spawners SET server_id = NULL, state = NULL, started = NULL"))
    finally:
        engine.dispose()


def require_empty(chosen: Settings, name: str) -> None:
    """Refuse a database that holds tables.

    Raises
    ------
    HubError
        It does, or it does not answer.
    """
    url = make_url(_urls(chosen)[name])
    engine = create_engine(url)
    try:
        held = inspect(engine).get_table_names()
    except SQLAlchemyError as refused:
        raise HubError(f"The database {url} does not answer: {str(refused).splitlines()[0]}", _SET) from None
    finally:
        engine.dispose()
    if held:
        raise HubError(
            f"The database {url} holds {len(held)} tables, {sorted(held)[0]} among them: nothing was restored.",
            "Name an empty one, or say --replace, which replaces them.",
        )


_SET = "ALPHAPULSE_HUB_DATABASE, ALPHAPULSE_API_DATABASE and ALPHAPULSE_WORKER_DATABASE say where they are."


def _urls(chosen: Settings) -> dict[str, str]:
    return {"worker": chosen.worker_database_url, "api": chosen.api_database_url, "hub": chosen.hub_database_url}


def _run(program: str, at: URL, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise HubError(
            f"{program} is not on the path, and {at} is PostgreSQL's.", "Debian: apt-get install postgresql-client"
        )
    plain = at.set(drivername="postgresql", password=None).render_as_string()
    secret = {"PGPASSWORD": str(at.password)} if at.password else {}  # not among the arguments, which everybody sees
    done = subprocess.run(
        [found, f"--dbname={plain}", *arguments], env=os.environ | secret, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[:500] or f"it ended with {done.returncode}"
        raise HubError(f"{program} of {at} did not succeed: {said}", _SET)
