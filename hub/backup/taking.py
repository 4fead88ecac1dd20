"""A backup of a hub that may be up: each database as it was at one moment, the catalog between two publications.

Databases come before the files that they name: one that came later is in nobody's way, one that is missing would be.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from alphapulse_lib import __version__ as version
from alphapulse_lib import clock
from alphapulse_lib.catalog.publish import locked
from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import Settings
from hub.backup import databases
from hub.backup.archive import Head, Writing, written
from hub.backup.parts import SETTINGS, places, settings_told
from hub.vault import Vault, clear

__all__ = ["Taker", "take"]

#: In a catalog that is being backed up: its files by second names, out of the way of every reader.
_SNAPSHOT = ".backup"
_STAMP = "catalog.json"
_WAIT = 600.0  # seconds that another writer's import is waited for
#: Of a catalog, what its writers hold while they work.
_PASSING = ("incoming", "catalog.lock", _SNAPSHOT)


def take(chosen: Settings, file: Path, say: Callable[[str], None]) -> None:
    """Write all that a hub keeps into one file, which holds its secrets too: its owner alone may read it.

    Parameters
    ----------
    chosen : Settings
        The settings in force.
    file : Path
        Where to; it must not exist.
    say : callable
        Takes each line that the person should read.

    Raises
    ------
    HubError
        There is nothing to back up, the file is there, or it could not be written; then it is not there afterwards.
    """
    file = file.absolute()
    parts = {name: place for name, place in places(chosen).items() if place.exists()}
    _check(chosen, file, parts)
    head = Head(version, clock.now().isoformat(timespec="seconds"), databases.kinds(chosen), str(chosen.catalog_root))
    try:
        with written(file, head) as backup, TemporaryDirectory(prefix=".alphapulse-backup-", dir=file.parent) as space:
            for name in databases.served(chosen):
                databases.dump(chosen, name, Path(space, name))
                backup.file(f"postgresql/{name}.dump", Path(space, name))
                Path(space, name).unlink()
            taker = Taker(backup, Path(space, "database"))
            taker.databases(parts)
            taker.files(parts)
            backup.content(SETTINGS, settings_told(chosen).encode())
            if chosen.spawner != "process":
                told = f"The workspaces of the spawner {chosen.spawner} are in its volumes: back them up, too."
                backup.notes.append(told)
            backup.notes += _of_keys(chosen)
            if "catalog" not in parts:
                backup.notes.append(f"The team's catalog is in {chosen.catalog_root} and not in this file.")
    except OSError as refused:
        raise HubError(
            f"{refused.filename or file}: {(refused.strerror or str(refused)).lower()}. No backup was written.",
            "Look at the space and the rights of the folder.",
        ) from None
    for note in backup.notes:
        say(note)
    say(f"{file}  {file.stat().st_size / 1e6:,.1f} MB, {len(backup.entries)} entries. It holds passwords and tokens.")


def _of_keys(chosen: Settings) -> list[str]:
    """Whether vendors' keys are in it, and what whoever restores it needs for them."""
    vault, told = Vault.of(chosen), []
    if vault.file.exists():
        told.append(f"Vendors' keys are in it sealed; what opens them, {vault.master}, is not: keep that elsewhere.")
    if lying := sorted(clear(chosen)):
        told.append(f"{', '.join(lying)} are set in clear and not in this file: `alphapulse keys seal` takes them in.")
    return told


def _check(chosen: Settings, file: Path, parts: dict[str, Path]) -> None:
    if not (chosen.home_root / "keys.json").exists():
        raise HubError(f"There is no hub in {chosen.home_root}.", "Set ALPHAPULSE_HOME to the one that is to be kept.")
    if os.path.lexists(file):
        raise HubError(f"{file} is there already.", "Name another one: no backup is overwritten.")
    for place in parts.values():
        if place in file.parents:
            raise HubError(f"{file} would be a part of itself: {place} is backed up.", "Name a place outside of it.")
        if place in (master := Vault.of(chosen).master).parents:
            raise HubError(f"{master} would be beside what it opens: {place} is backed up.", "Keep it outside of it.")


class Taker:
    """Adds what a hub keeps to a backup."""

    def __init__(self, backup: Writing, space: Path) -> None:
        self._backup, self._space = backup, space
        self._done: set[Path] = set()

    def leave_out(self, path: Path) -> None:
        """Add all but this file."""
        self._done.add(path)

    def databases(self, parts: dict[str, Path]) -> None:
        """The hub's own databases, the worker's first (see `databases.served`)."""
        for name in ("worker", "api", "hub"):
            for path in sorted(parts[name].glob("*.sqlite")) if name in parts else []:
                self._file(f"{name}/{path.name}", path)

    def files(self, parts: dict[str, Path]) -> None:
        """All the rest."""
        for name, place in parts.items():
            if place.is_dir():
                self._folder(name, place)
            else:
                self._file(name, place)

    def _folder(self, name: str, place: Path) -> None:
        """A folder with all that is in it; a catalog as it is between two publications."""
        self._backup.folder(name, place)
        is_catalog = (place / _STAMP).is_file() and os.access(place, os.W_OK)
        with _snapshot(place) if is_catalog else _as_it_is(place) as held:
            for each in sorted(held.iterdir()):
                if not (is_catalog and each.name in _PASSING):
                    self._entry(f"{name}/{each.name}", each)

    def _entry(self, name: str, path: Path) -> None:
        try:
            kind = path.lstat().st_mode
            if stat.S_ISLNK(kind):
                self._backup.link(name, str(path.readlink()))
                if path.is_dir():
                    self._backup.notes.append(
                        f"{name} leads to {path.resolve()}, and what is there is not in this file."
                    )
            elif stat.S_ISDIR(kind):
                self._folder(name, path)
            elif stat.S_ISREG(kind):
                self._file(name, path)
            else:
                self._backup.notes.append(f"{name} is left out: it is no file, as sockets and pipes are not.")
        except FileNotFoundError:  # gone since its folder was read: it is not there any more
            return

    def _file(self, name: str, path: Path) -> None:
        if path in self._done or _is_beside(path):
            return
        self._done.add(path)
        if not _is_database(path):
            self._backup.file(name, path)
            return
        try:
            databases.copy(path, self._space)
            shutil.copystat(path, self._space)
            self._backup.file(name, self._space)
        except sqlite3.Error as refused:  # of a person's own, perhaps: it must not keep all others from being kept
            self._backup.notes.append(f"{name} is kept as the bytes that it is: SQLite says {refused}.")
            self._backup.file(name, path)
        finally:
            for each in ("", *databases.BESIDE):
                self._space.with_name(self._space.name + each).unlink(missing_ok=True)


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(databases.HEAD)) == databases.HEAD


def _is_beside(path: Path) -> bool:
    for ending in databases.BESIDE:
        whole = path.with_name(path.name.removesuffix(ending))
        if path.name.endswith(ending) and whole.is_file() and _is_database(whole):
            return True
    return False


@contextmanager
def _as_it_is(place: Path) -> Iterator[Path]:
    yield place


@contextmanager
def _snapshot(root: Path) -> Iterator[Path]:
    """A catalog's files by second names, given while nobody writes: its writers replace files and change none."""
    held = root / _SNAPSHOT
    shutil.rmtree(held, ignore_errors=True)  # of one that was killed
    folders: list[tuple[Path, Path]] = []
    try:
        with locked(root, _WAIT):
            for here, inner, names in os.walk(root):
                if Path(here) == root:
                    inner[:] = [each for each in inner if each not in _PASSING]
                    names = [each for each in names if each not in _PASSING]
                beside = held / Path(here).relative_to(root)
                beside.mkdir(mode=0o700, exist_ok=True)
                folders.append((Path(here), beside))
                for each in inner:
                    if Path(here, each).is_symlink():  # which is not gone into
                        names.append(each)
                for each in names:
                    _second_name(Path(here, each), beside / each)
            for folder, beside in reversed(folders):
                shutil.copystat(folder, beside)
        yield held
    finally:
        shutil.rmtree(held, ignore_errors=True)


def _second_name(file: Path, name: Path) -> None:
    try:
        os.link(file, name, follow_symlinks=False)
    except PermissionError:  # a file system that knows no second names
        shutil.copy2(file, name, follow_symlinks=False)
