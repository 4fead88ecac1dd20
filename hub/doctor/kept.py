"""Whether what a hub keeps is in order: the home, its disk, who may read secrets, the databases, the catalog."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import jupyterhub
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from alphapulse_lib.catalog.roots import format_of
from alphapulse_lib.errors import AlphaPulseError
from alphapulse_lib.settings import Settings
from hub.api import migrations
from hub.doctor.finding import Finding
from hub.vault import Vault

__all__ = ["CHECKS", "api_database", "catalog", "disk", "home", "hub_database", "secrets", "worker_database"]

_LEAST = 1_000_000_000  # bytes of a disk, below which imports and notebooks fail
_LOW = 0.1  # of a disk
_NEW = "not made yet; `make up` makes it"


def home(chosen: Settings) -> Finding:
    """Whether this account may write where everything is kept."""
    folder = chosen.home_root
    if not folder.exists():
        above = next(each for each in folder.parents if each.exists())
        if os.access(above, os.W_OK | os.X_OK):
            return Finding("home", "ok", f"{folder} is {_NEW}")
        return Finding("home", "wrong", f"{folder} cannot be made in {above}", "Set ALPHAPULSE_HOME to another folder.")
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        mend = f"chown {os.geteuid()} {folder}, or set ALPHAPULSE_HOME to another folder."
        return Finding("home", "wrong", f"{folder} is no folder that this account may write to", mend)
    theirs = [each for each in folder.iterdir() if each.lstat().st_uid != os.geteuid() and os.geteuid()]
    if theirs:
        mend = f"chown -R {os.geteuid()} {folder}"
        return Finding("home", "wrong", f"{theirs[0]} is another account's", mend)
    return Finding("home", "ok", str(folder))


def disk(chosen: Settings) -> Finding:
    """Whether there is room for what comes."""
    places = [chosen.home_root, chosen.catalog_root, chosen.ledger_root]
    local = [next(up for up in (each, *each.parents) if up.exists()) for each in places if isinstance(each, Path)]
    least = min(local, key=lambda each: shutil.disk_usage(each).free)
    room = shutil.disk_usage(least)
    told = f"{room.free / 1e9:,.1f} GB of {room.total / 1e9:,.1f} are free at {least}"
    mend = f"du -xh {chosen.home_root} | sort -h | tail shows what is large; cache/ and logs/ may go."
    if room.free < _LEAST:
        return Finding("disk", "wrong", told, mend)
    return Finding("disk", "warning", told, mend) if room.free < _LOW * room.total else Finding("disk", "ok", told)


def secrets(chosen: Settings) -> Finding:
    """Whether others on this machine may read passwords, tokens and keys."""
    folder = chosen.home_root
    private = [folder / "keys.json", folder / "settings.env", Path(".env").absolute()]
    private += [folder / name for name in ("groups", "hub", "logs", "run", "users")]
    private += [Vault.of(chosen).file, Vault.of(chosen).master]
    there = [each for each in private if each.exists()]
    try:
        bare = [each for each in there if each.stat().st_mode & 0o077]
    except OSError as refused:
        return Finding("secrets", "wrong", str(refused), f"chown -R {os.geteuid()} {folder}")
    if not bare:
        return Finding("secrets", "ok", f"{len(there)} files and folders are their owner's alone")
    told = ", ".join(f"{each} ({stat.filemode(each.stat().st_mode)})" for each in bare)
    return Finding("secrets", "wrong", f"others may read {told}", f"chmod go= {' '.join(map(str, bare))}")


def api_database(chosen: Settings) -> Finding:
    """Whether the API's database answers, and has the tables of this version."""
    name, url = "api database", chosen.api_database_url
    held = _asked(name, url, _revision)
    if isinstance(held, Finding):
        return held
    try:
        migrations.require_known(held)
    except AlphaPulseError as refused:
        return Finding.of(name, refused)
    if held != migrations.HEAD:
        told = f"it is at revision {held or 'none'}, and this version wants {migrations.HEAD}"
        return Finding(name, "warning", told, "make backup FILE=before.tar, then make up, which brings it up to date.")
    return Finding(name, "ok", f"{_shown(url)}, at revision {held}")


def worker_database(chosen: Settings) -> Finding:
    """Whether the worker's database answers, and is not the API's."""
    name, url = "worker database", chosen.worker_database_url
    if make_url(url) == make_url(chosen.api_database_url):
        mend = "Set ALPHAPULSE_WORKER_DATABASE to a database of its own."
        return Finding(name, "wrong", "it is the API's database, too", mend)
    held = _asked(name, url, lambda _engine: "answers")
    return held if isinstance(held, Finding) else Finding(name, "ok", f"{_shown(url)} answers")


def hub_database(chosen: Settings) -> Finding:
    """Whether JupyterHub's database has the tables of the JupyterHub that is installed."""
    name, url = "hub database", chosen.hub_database_url
    held = _asked(name, url, _revision)
    if isinstance(held, Finding):
        return held
    config = Config()
    config.set_main_option("script_location", str(Path(jupyterhub.__file__).parent / "alembic").replace("%", "%%"))
    wanted = ScriptDirectory.from_config(config).get_current_head()
    if held == wanted:
        return Finding(name, "ok", f"{_shown(url)}, at revision {held}")
    told = f"it is at revision {held}, and JupyterHub {jupyterhub.__version__} wants {wanted}"
    return Finding(name, "wrong", told, f"make backup FILE=before.tar, then jupyterhub upgrade-db --db={url}")


def catalog(chosen: Settings) -> Finding:
    """Whether the team's catalog can be read, and written by the worker."""
    root = chosen.catalog_root
    try:
        found = format_of(root)
    except AlphaPulseError as refused:
        return Finding.of("catalog", refused)
    except OSError as refused:
        return Finding("catalog", "wrong", f"{root} cannot be read: {refused}", f"chown -R {os.geteuid()} {root}")
    if not found:
        return Finding("catalog", "ok", f"{root} is {_NEW}")
    if isinstance(root, Path) and not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        return Finding("catalog", "wrong", f"this account may not write to {root}", f"chown -R {os.geteuid()} {root}")
    return Finding("catalog", "ok", f"{root}, format {found}; `alphapulse check` reads all that is in it")


def _asked(name: str, url: str, ask: Callable[[Engine], str]) -> str | Finding:
    """What a database answers, or that it is not there, damaged or away; nothing is made by asking."""
    at = make_url(url)
    mend = "Start the server that it names, or set ALPHAPULSE_HUB_DATABASE, _API_, _WORKER_DATABASE to one that runs."
    if at.get_backend_name() == "sqlite":
        file = Path(at.database or "")
        if not file.exists():
            return Finding(name, "ok", f"{file} is {_NEW}")
        mend = f"alphapulse restore BACKUP --replace; or move {file} away, which forgets what is in it."
    engine = create_engine(at)
    try:
        if at.get_backend_name() == "sqlite":
            with engine.connect() as connection:
                found = str(connection.execute(text("PRAGMA quick_check(1)")).scalar())
            if found != "ok":
                return Finding(name, "wrong", f"{_shown(url)} is damaged: {found}", mend)
        else:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        return ask(engine)
    except SQLAlchemyError as refused:
        said = str(getattr(refused, "orig", None) or refused).strip().splitlines()[0]
        return Finding(name, "wrong", f"{_shown(url)} does not answer: {said}", mend)
    finally:
        engine.dispose()


def _revision(engine: Engine) -> str:
    with engine.connect() as connection:
        return migrations.revision(connection)


def _shown(url: str) -> str:
    """A database's address without its password."""
    return make_url(url).render_as_string(hide_password=True)


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    *(home, disk, secrets, api_database, worker_database, hub_database, catalog),
)
