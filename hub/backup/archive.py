"""The file of a backup: a tar whose first member names it, and whose last one lists all others with their checksums.

One that was cut short has no list; one of another program has no head; a changed byte fits no checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from alphapulse_lib.errors import HubError

__all__ = ["FORMAT", "RIGHTS", "Entry", "Head", "Reading", "Writing", "opened", "streamed", "written"]

FORMAT = 1
#: What is kept of a folder's rights: also that what is made in it is its group's, or removed by its owner alone, as
#: Jupyter wants of one of its own.
RIGHTS = 0o3777
_HEAD = "alphapulse-backup.json"
_LIST = "alphapulse-backup-list.json"
_IN_MEMORY = 32 * 2**20  # bytes of one file
_PIECE = 2**20
_TRIES = 3  # at a file that is written meanwhile
_LONGEST = 64 * 2**20  # bytes of the head or the list


@dataclass(frozen=True)
class Head:
    """What is said of a backup before anything else.

    Attributes
    ----------
    version : str
        The AlphaPulse that took it.
    made : str
        When, UTC.
    databases : dict of str to str
        What each of the hub's databases was: ``"sqlite"``, ``"postgresql"``.
    catalog : str
        Where the team's catalog was; an object store's address where it is not in the backup.
    command : str
        What takes such a one, and puts it back: ``"alphapulse"``, or ``"docker/compose.sh"`` where the parts of the hub
        are containers.
    """

    version: str
    made: str
    databases: dict[str, str]
    catalog: str
    format: int = FORMAT
    command: str = "alphapulse"


@dataclass(frozen=True)
class Entry:
    """One file, folder or link of a backup; `path` begins with the part's name."""

    path: str
    kind: str
    size: int = 0
    sha256: str = ""


@dataclass
class Writing:
    """A backup that is being written.

    Attributes
    ----------
    notes : list of str
        What whoever restores it should know.
    """

    tar: tarfile.TarFile
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def file(self, path: str, source: Path) -> None:
        """Add a file as it is; one that is changed while it is read is read again."""
        for tried in range(1, _TRIES + 1):
            with source.open("rb") as held, SpooledTemporaryFile(_IN_MEMORY) as kept:
                before, checksum = os.fstat(held.fileno()), hashlib.sha256()
                while piece := held.read(_PIECE):
                    checksum.update(piece)
                    kept.write(piece)
                after, size = os.fstat(held.fileno()), kept.tell()
                steady = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, size)
                if steady or tried == _TRIES:
                    if not steady:
                        self.notes.append(f"{path} was written to all the time that it was read.")
                    kept.seek(0)
                    self._add(path, kept, size, checksum.hexdigest(), before)
                    return

    def content(self, path: str, content: bytes) -> None:
        """Add a file of this content, for its owner alone."""
        self._add(path, BytesIO(content), len(content), hashlib.sha256(content).hexdigest(), None)

    def folder(self, path: str, source: Path) -> None:
        """Add a folder, without what is in it."""
        told, held = tarfile.TarInfo(path), source.stat()
        told.type, told.mode, told.mtime = tarfile.DIRTYPE, held.st_mode & RIGHTS, held.st_mtime
        self.tar.addfile(told)
        self.entries.append(Entry(path, "folder"))

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link, wherever it leads to."""
        told = tarfile.TarInfo(path)
        told.type, told.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(told)
        self.entries.append(Entry(path, "link", sha256=hashlib.sha256(target.encode()).hexdigest()))

    def end(self) -> None:
        """Add the list."""
        told = {"entries": [asdict(each) for each in self.entries], "notes": self.notes}
        _member(self.tar, _LIST, json.dumps(told).encode())

    def _add(self, path: str, content: IO[bytes], size: int, checksum: str, held: os.stat_result | None) -> None:
        told = tarfile.TarInfo(path)
        told.size, told.mode = size, 0o600 if held is None else held.st_mode & 0o777
        if held is not None:
            told.mtime = held.st_mtime
        self.tar.addfile(told, content)
        self.entries.append(Entry(path, "file", size, checksum))


@contextmanager
def streamed(out: IO[bytes], head: Head) -> Iterator[Writing]:
    """Write a backup to whatever takes it; what an error cuts short has no list at its end."""
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        _member(tar, _HEAD, json.dumps(asdict(head)).encode())
        writing = Writing(tar)
        yield writing
        writing.end()


@contextmanager
def written(file: Path, head: Head) -> Iterator[Writing]:
    """Write a backup: at the end of the block it has its name, is durable, and only its owner reads it.

    An error leaves nothing behind.
    """
    beside = file.with_name(f".{file.name}.partial")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            os.fchmod(out.fileno(), 0o600)
            with streamed(out, head) as writing:
                yield writing
            out.flush()
            os.fsync(out.fileno())
        beside.rename(file)
    finally:
        beside.unlink(missing_ok=True)


@dataclass
class Reading:
    """A backup that is being read: `members` once, then `require_whole`."""

    tar: tarfile.TarFile
    head: Head
    file: Path
    seen: list[Entry] = field(default_factory=list)
    notes: list[str] | None = None
    _listed: list[Entry] = field(default_factory=list)

    def members(self) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
        """Each member with its content, which is to be read to its end by `told`."""
        with _explained(self.file):
            while (member := self.tar.next()) is not None:
                if member.name == _LIST:
                    told = _told(self.tar, member, self.file)
                    self.notes, self._listed = told["notes"], [Entry(**each) for each in told["entries"]]
                    continue
                if not _is_safe(member) or self.notes is not None:
                    raise _damaged(self.file, f"{member.name!r} is no file of a backup")
                yield member, self.tar.extractfile(member) if member.isfile() else None

    def took(self, member: tarfile.TarInfo, checksum: str) -> None:
        """Remember what was read."""
        kind = "file" if member.isfile() else "link" if member.issym() else "folder"
        self.seen.append(Entry(member.name, kind, member.size if kind == "file" else 0, checksum))

    def require_whole(self) -> None:
        """Refuse what is not what was written, to the last byte.

        Raises
        ------
        HubError
            It was cut short, or something in it was changed.
        """
        if self.notes is None:
            raise HubError(
                f"{self.file} is torn: the list at its end is missing. Nothing was restored.", "Take another backup."
            )
        for held, listed in zip(self.seen, self._listed, strict=False):
            if held != listed:
                raise _damaged(self.file, f"{listed.path} is not what was written")
        if len(self.seen) != len(self._listed):
            raise _damaged(self.file, f"it has {len(self.seen)} entries and lists {len(self._listed)}")


@contextmanager
def opened(file: Path, command: str = "alphapulse", stream: IO[bytes] | None = None) -> Iterator[Reading]:
    """Read a backup, from its file or from whatever gives it.

    Raises
    ------
    HubError
        There is no such file, it is another program's, a later version's, or another command's.
    """
    try:
        tar = tarfile.open(file, "r:") if stream is None else tarfile.open(fileobj=stream, mode="r|")  # noqa: SIM115
    except FileNotFoundError:
        raise HubError(f"There is no file {file}.", "Name a backup, as `alphapulse backup` wrote it.") from None
    except (tarfile.TarError, OSError) as refused:
        raise _foreign(file, str(refused)) from None
    with tar, _explained(file):
        first = tar.next()
        if first is None or first.name != _HEAD:
            raise _foreign(file, f"it begins with {first.name!r}" if first else "it is empty")
        told = _told(tar, first, file)
        if told.get("format") != FORMAT:
            raise HubError(
                f"{file} is a backup of format {told.get('format')}; this AlphaPulse reads {FORMAT}.",
                f"Restore it with the AlphaPulse that took it: {told.get('version')}.",
            )
        head = Head(**told)
        if head.command != command:
            raise HubError(f"{file} was taken by {head.command} backup.", f"Restore it with: {head.command} restore")
        yield Reading(tar, head, file)


def _member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    told = tarfile.TarInfo(name)
    told.size, told.mode = len(content), 0o600
    tar.addfile(told, BytesIO(content))


def _told(tar: tarfile.TarFile, member: tarfile.TarInfo, file: Path) -> dict[str, Any]:
    content = tar.extractfile(member) if member.isfile() and member.size <= _LONGEST else None
    try:
        found = json.loads(content.read()) if content else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _damaged(file, f"{member.name} cannot be read")
    return found


def _is_safe(member: tarfile.TarInfo) -> bool:
    path = PurePosixPath(member.name)
    inside = not path.is_absolute() and ".." not in path.parts and path.parts and "\0" not in member.name
    return bool(inside) and (member.isfile() or member.isdir() or member.issym())


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except tarfile.TarError as torn:
        raise HubError(f"{file} is torn: {torn}. Nothing was restored.", "Take another backup.") from None


def _foreign(file: Path, why: str) -> HubError:
    return HubError(f"{file} is no backup of AlphaPulse: {why}.", "Name one that `alphapulse backup` wrote.")


def _damaged(file: Path, why: str) -> HubError:
    return HubError(f"{file} is damaged: {why}. Nothing was restored.", "Take another backup.")
