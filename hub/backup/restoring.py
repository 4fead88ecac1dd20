"""A backup put back: read and proven whole beside where it goes, then put in place; nothing that is there is lost."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from alphapulse_lib import clock
from alphapulse_lib.errors import HubError
from alphapulse_lib.settings import Settings
from hub import supervise
from hub.backup import databases
from hub.backup.archive import RIGHTS, Head, Reading, opened
from hub.backup.parts import KEYS, SETTINGS, places

__all__ = ["Staging", "restore"]

_PIECE = 2**20


def restore(chosen: Settings, file: Path, say: Callable[[str], None], *, replace: bool = False) -> None:
    """Put a backup where the settings in force say, wholly or not at all.

    Parameters
    ----------
    chosen : Settings
        The settings in force.
    file : Path
        What `take` wrote.
    say : callable
        Takes each line that the person should read.
    replace : bool
        Whether something may be there already. It is moved aside, not removed, and its new name said; tables of a
        PostgreSQL database are replaced.

    Raises
    ------
    HubError
        The hub is up, something is there already, or the file is foreign, torn or damaged: nothing has changed then.
    """
    home = chosen.home_root
    with opened(file) as backup, supervise.kept_down(home):
        _require_same_kinds(chosen, backup.head, file)
        parts = places(chosen) | {SETTINGS: home / SETTINGS}
        if not replace:
            _require_nothing(parts)
            for name in databases.served(chosen):
                databases.require_empty(chosen, name)
        with _staged(parts, home) as staging:
            for member, content in backup.members():
                backup.took(member, staging.receive(member, content))
            backup.require_whole()
            if not staging.beside[KEYS].is_file():
                raise HubError(f"{file} has no {KEYS}: it is of no hub. Nothing was restored.", "Take another backup.")
            staging.finish()
            if (held := staging.beside["hub"] / "jupyterhub.sqlite").exists():
                databases.forget_servers(f"sqlite:///{held}")
            for name in databases.served(chosen):
                databases.load(chosen, name, staging.dumps / f"{name}.dump", replace=replace)
                if name == "hub":
                    databases.forget_servers(chosen.hub_database_url)
            staging.put_in_place(say)
    _tell(chosen, backup, say)


def _tell(chosen: Settings, backup: Reading, say: Callable[[str], None]) -> None:
    for note in backup.notes or []:
        say(note)
    say(f"Restored into {chosen.home_root}: the hub of {backup.head.made}, AlphaPulse {backup.head.version}.")
    told = chosen.home_root / SETTINGS
    if told.stat().st_size:
        say(f"The settings that it ran with, secrets among them, are in {told}: compare them with your .env.")


def _require_same_kinds(chosen: Settings, head: Head, file: Path) -> None:
    for name, kind in databases.kinds(chosen).items():
        held = head.databases.get(name, "sqlite")  # which JupyterHub's always was, before it was told
        if held != kind:
            raise HubError(
                f"The {name} database in {file} is {held}, and that of the settings is {kind}.",
                f"Set ALPHAPULSE_{name.upper()}_DATABASE to one of the same kind.",
            )


def _require_nothing(parts: dict[str, Path]) -> None:
    for place in parts.values():
        if os.path.lexists(place) and not (place.is_dir() and not any(place.iterdir())):
            raise HubError(
                f"{place} is there already: nothing was restored.",
                "Set ALPHAPULSE_HOME to an empty folder, or say --replace, which moves aside what is there.",
            )


@dataclass
class Staging:
    """Where a backup is put together: beside each part's place, so that it takes it by a rename.

    Volumes cannot be renamed: those of a team's installation are new and empty, and are put together in their places.
    """

    beside: dict[str, Path]
    places: dict[str, Path]
    dumps: Path
    _links: list[tuple[Path, str]] = field(default_factory=list)
    _folders: list[tuple[Path, tarfile.TarInfo]] = field(default_factory=list)

    def receive(self, member: tarfile.TarInfo, content: IO[bytes] | None) -> str:
        """Take one member in; the checksum of what was written. Links come last, so that nothing is led astray."""
        name, *inner = PurePosixPath(member.name).parts
        root = self.dumps if name == "postgresql" else self.beside.get(name)
        if root is None:
            raise HubError(f"The backup has a part {name!r} that this AlphaPulse does not know.", "Upgrade AlphaPulse.")
        path = root.joinpath(*inner)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if member.issym():
            self._links.append((path, member.linkname))
            return hashlib.sha256(member.linkname.encode()).hexdigest()
        if content is None:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._folders.append((path, member))
            return ""
        checksum = hashlib.sha256()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as out:
            while piece := content.read(_PIECE):
                checksum.update(piece)
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        _as_it_was(path, member)
        return checksum.hexdigest()

    def finish(self) -> None:
        """Make the links, and folders what they were."""
        for path, target in self._links:
            path.symlink_to(target)
        for path, member in reversed(self._folders):
            _as_it_was(path, member)

    def put_in_place(self, say: Callable[[str], None]) -> None:
        """Let each part take its place, the keys last: without them no hub is whole."""
        now = clock.now().strftime("%Y%m%d-%H%M%S")
        for name in sorted(self.places, key=lambda each: each == KEYS):
            place, beside = self.places[name], self.beside[name]
            if place.is_dir() and not place.is_symlink() and not any(place.iterdir()):
                place.rmdir()
            if os.path.lexists(place):
                aside = place.with_name(f"{place.name}.before-{now}")
                place.rename(aside)
                say(f"What was there before is in {aside}")
            if beside.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                beside.rename(place)


@contextmanager
def _staged(parts: dict[str, Path], home: Path) -> Iterator[Staging]:
    home.mkdir(parents=True, exist_ok=True)
    beside = {name: place.with_name(f".{place.name}.restoring") for name, place in parts.items()}
    dumps = home / ".postgresql.restoring"
    try:
        for each in (*beside.values(), dumps):
            _remove(each)  # of one that was killed
        yield Staging(beside, parts, dumps)
    except OSError as refused:
        raise HubError(
            f"{refused.filename or home}: {(refused.strerror or str(refused)).lower()}. Nothing was restored.",
            "Look at the space and the rights of the folder.",
        ) from None
    finally:
        for each in (*beside.values(), dumps):
            _remove(each)


def _as_it_was(path: Path, member: tarfile.TarInfo) -> None:
    path.chmod(member.mode & (RIGHTS if member.isdir() else 0o777))
    moment = int(float(member.mtime) * 1e9)
    os.utime(path, ns=(moment, moment))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        for folder, _, _ in os.walk(path):
            Path(folder).chmod(0o700)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
