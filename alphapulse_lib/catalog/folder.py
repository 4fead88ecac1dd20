"""A root in a folder of this machine: files are written beside the data, made durable, and renamed into place."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from filelock import AcquireReturnProxy, FileLock, Timeout

from alphapulse_lib.errors import CatalogBusy, CatalogError, CatalogReadOnly

if TYPE_CHECKING:
    import pyarrow as pa

    from alphapulse_lib.catalog.storage import Incoming

__all__ = ["Folder"]

_INCOMING = "incoming"
_LOCK = "catalog.lock"
#: Files and folders that the disk is waited for at a time.
_WAITING = 8


class Folder:
    """Files of this machine. See `storage.Storage`."""

    def address(self, root: PurePath) -> str:
        """Its absolute path."""
        return str(Path(root).absolute())

    def exists(self, path: PurePath) -> bool:
        """Whether there is such a file."""
        return os.path.exists(path)  # noqa: PTH110 an import asks for thousands: a tenth of what a Path takes

    def read(self, path: PurePath) -> bytes:
        """A file's content."""
        return Path(path).read_bytes()

    def source(self, path: PurePath, *, rows: bool = True) -> PurePath:  # noqa: ARG002 a store fetches what is wanted
        """The file itself: whoever has it open keeps it, whatever takes its name."""
        return path

    def identity(self, path: PurePath) -> tuple[int, ...]:
        """Its inode, its length, when it was written, and when it got its name."""
        return _identity(os.stat(path))  # noqa: PTH116 a question asks for a handful: a quarter of what a Path takes

    def pinned(self, path: PurePath) -> tuple[tuple[int, ...], pa.NativeFile]:
        """The open file: its inode is nobody else's before it is let go, whatever takes its name."""
        import pyarrow as pa

        file = pa.OSFile(str(path))
        return _identity(os.fstat(file.fileno())), file

    def files(self, folder: PurePath, suffix: str = "") -> list[PurePath]:
        """The files directly in a folder whose names end so, sorted."""
        names = (each.name for each in _entries(folder) if each.name.endswith(suffix) and not each.is_dir())
        return list(_paths(folder, tuple(sorted(names))))

    def folders(self, folder: PurePath, prefix: str = "") -> list[PurePath]:
        """The folders directly in a folder whose names begin so, sorted."""
        names = (each.name for each in _entries(folder) if each.name.startswith(prefix) and each.is_dir())
        return [folder / name for name in sorted(names)]

    def tree(self, folder: PurePath) -> list[PurePath]:
        """The files in a folder and in all below it, sorted."""
        found = sorted(f"{place}/{name}" for place, _, names in os.walk(folder) for name in names)
        return [Path(each) for each in found]

    def holds(self, root: PurePath) -> bool:
        """Whether the root is there at all."""
        return Path(root).is_dir()

    def prepare(self, root: PurePath) -> None:
        """Make a root where there is none; refuse one that this person may not write to."""
        try:
            Path(root).mkdir(parents=True, exist_ok=True)
            if os.access(root, os.W_OK | os.X_OK):
                Path(root, _INCOMING).mkdir(exist_ok=True)
        except OSError as refused:
            raise CatalogReadOnly(
                f"The catalog {root} cannot be made: {refused.strerror}.",
                "Set ALPHAPULSE_CATALOG to a folder you own.",
            ) from None
        if not os.access(root, os.W_OK | os.X_OK):
            raise CatalogReadOnly(
                f"You may not write to the catalog {root}.",
                "Ask its owner, or set ALPHAPULSE_CATALOG to a folder you own.",
            )

    def written(self, root: PurePath, path: PurePath, fill: Callable[[pa.NativeFile], object]) -> _Part:
        """A file in ``incoming/``."""
        import pyarrow as pa

        part = _Part(Path(path), Path(root) / _INCOMING / f"{uuid.uuid4().hex}.part")
        try:
            with _explained(path), pa.OSFile(str(part.file), "wb") as file:
                fill(file)
        except BaseException:
            part.forget()
            raise
        return part

    def place(self, root: PurePath, *waves: Sequence[Incoming]) -> None:  # noqa: ARG002 a folder needs no root
        """Rename each once all are durable; of many files in few folders each folder is made durable once."""
        parts = [[each for each in wave if isinstance(each, _Part)] for wave in waves]
        with _explained(next(each.path for wave in parts for each in wave)):
            _make_durable(*(each.file for wave in parts for each in wave))
        for wave in parts:
            folders = list(dict.fromkeys(each.path.parent for each in wave))
            with _explained(folders[0] if folders else Path()):
                _make_folders(folders)
            for each in wave:
                with _explained(each.path):
                    each.file.replace(each.path)
            _make_durable(*folders)

    def withdraw(self, path: PurePath) -> None:
        """Take a file away, and its folder when that was the last one in it."""
        gone = Path(path)
        gone.unlink(missing_ok=True)
        if not gone.parent.exists():
            return
        _make_durable(gone.parent)
        if any(gone.parent.iterdir()):
            return
        try:
            gone.parent.rmdir()
        except OSError as refused:
            if refused.errno == errno.ENOTEMPTY:  # somebody just put another file into it
                return
            raise
        _make_durable(gone.parent.parent)

    def copy(self, root: PurePath, path: PurePath, place: PurePath) -> None:  # noqa: ARG002 a folder needs no root
        """Keep a second copy of a file, durably."""
        _make_folders([Path(place).parent])
        shutil.copyfile(path, place)
        _make_durable(place)
        _make_durable(place.parent)

    def move(self, root: PurePath, path: PurePath, place: PurePath) -> None:  # noqa: ARG002 a folder needs no root
        """Give a file another name, durably."""
        _make_folders([Path(place).parent])
        Path(path).rename(place)
        _make_durable(place.parent)
        _make_durable(path.parent)

    def leftovers(self, root: PurePath) -> list[PurePath]:
        """What lies in ``incoming/``."""
        return self.files(root / _INCOMING)

    @contextmanager
    def lock(self, root: PurePath, wait: float) -> Iterator[None]:
        """Be the root's only writer, by a lock of the kernel's, which a process that dies gives up."""
        lock = FileLock(root / _LOCK, is_singleton=True)
        alone = not lock.is_locked
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise CatalogBusy(
                f"Another writer has held the catalog {root} for more than {wait:g} seconds.",
                "Wait until its import has ended, then try again.",
            ) from None
        try:
            if alone:
                for left in self.leftovers(root):
                    Path(left).unlink()
            yield
        finally:
            lock.release()

    def is_locked(self, root: PurePath) -> bool:
        """Whether somebody writes to the root."""
        return _is_locked(root / _LOCK)

    @contextmanager
    def alive(self, path: PurePath) -> Iterator[None]:
        """Keep a file under a lock."""
        with _held(Path(path)):
            yield
            Path(path).unlink(missing_ok=True)

    def is_alive(self, path: PurePath) -> bool:
        """Whether somebody holds the file's lock."""
        return _is_locked(path)


def _held(path: Path) -> AcquireReturnProxy[FileLock]:
    """A file's lock, and the file; who takes the last other file out of its folder takes that away, too."""
    while True:
        with suppress(FileExistsError):  # it was there, and went just now
            path.parent.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            return FileLock(path).acquire()


@lru_cache(maxsize=8192)
def _paths(folder: PurePath, names: tuple[str, ...]) -> list[PurePath]:
    """Of the same names the same paths: to make one, and its text, takes longer than to list a folder."""
    return [folder / name for name in names]


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _entries(folder: PurePath) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


@dataclass(frozen=True, slots=True)
class _Part:
    """See `storage.Incoming`."""

    path: Path
    file: Path

    def forget(self) -> None:
        self.file.unlink(missing_ok=True)


@contextmanager
def _explained(path: PurePath) -> Iterator[None]:
    """What the system refuses of a file that is being written, in the catalog's words."""
    try:
        yield
    except PermissionError:
        raise CatalogReadOnly(f"You may not write {path}.", "Ask the catalog's owner.") from None
    except OSError as failed:
        told = os.strerror(failed.errno) if failed.errno else str(failed)
        raise CatalogError(
            f"{path} could not be written: {told}. What was there before is untouched.",
            "Make room on the disk, then import again: what was written already changes nothing.",
        ) from None


def _make_folders(folders: Sequence[Path]) -> None:
    """Make what is missing of them, and each that gained one durable."""
    gained: dict[Path, None] = {}

    def make(folder: Path) -> None:
        if not folder.is_dir():
            make(folder.parent)
            folder.mkdir(exist_ok=True)
            gained[folder.parent] = None

    for each in folders:
        make(each)
    _make_durable(*gained)


def _make_durable(*places: PurePath) -> None:
    """Wait until the disk has files and folders: a rename is kept through a power cut only when its folder is there.

    Many are waited for at a time, which file systems answer with few writes of their journal.
    """
    if len(places) < 2:
        for place in places:
            _synchronise(place)
        return
    with ThreadPoolExecutor(min(_WAITING, len(places)), "synchronising") as threads:
        for done in [threads.submit(_synchronise, place) for place in places]:
            done.result()


def _synchronise(place: PurePath) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_locked(path: PurePath) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # which a catalog that may only be read allows too
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
