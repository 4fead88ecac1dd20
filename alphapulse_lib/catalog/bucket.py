"""A root in an object store: one conditional PUT replaces one object, so there is nothing to rename.

A writer holds the root's lease (`lease`) and remembers which version of each object it read. What it writes takes the
place of that version and no other: a writer that was so slow that it lost the lease is refused, and overwrites nothing.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from alphapulse_lib.catalog import lease, objects
from alphapulse_lib.catalog.lease import Claim
from alphapulse_lib.errors import CatalogBusy
from alphapulse_lib.location import ObjectPath

if TYPE_CHECKING:
    import pyarrow as pa

    from alphapulse_lib.catalog.storage import Incoming

__all__ = ["Bucket"]

_LOCK = "catalog.lock"
#: What takes the place of an object before it is deleted, as a DELETE knows no condition. No file of ours is so short.
_GONE = b"-"


@dataclass(slots=True)
class _Writer:
    """This process as a root's writer: its lease, and which version of each object it read (None: there was none)."""

    claim: Claim
    thread: int = field(default_factory=threading.get_ident)
    seen: dict[PurePath, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Content:
    """See `storage.Incoming`."""

    path: PurePath
    content: bytes

    def forget(self) -> None:
        """Nothing: it is nowhere yet."""


class Bucket:
    """Objects of a store. See `storage.Storage`."""

    def __init__(self) -> None:
        self._writers: dict[PurePath, _Writer] = {}
        self._threads: defaultdict[PurePath, threading.RLock] = defaultdict(threading.RLock)
        #: The version that this process left a root's lease in.
        self._left: dict[PurePath, str] = {}

    def address(self, root: PurePath) -> str:
        """Its address."""
        return str(root)

    def exists(self, path: PurePath) -> bool:
        """Whether there is such an object."""
        found = _of(path).head(_key(path))
        self._note(path, found[0] if found else None)
        return found is not None and found[1] != len(_GONE)

    def read(self, path: PurePath) -> bytes:
        """An object's content."""
        return bytes(objects.Reader(self.snapshot(path)).read())

    def source(self, path: PurePath, *, rows: bool = True) -> Any:
        """One version of the object."""
        import pyarrow as pa

        found = self.snapshot(path, objects.AT_ONCE if rows else objects.FOOTER)
        return objects.Reader(found) if found.content is None else pa.BufferReader(pa.py_buffer(found.content))

    def snapshot(self, path: PurePath, most: int | None = None) -> objects.Snapshot:
        """One version of the object; FileNotFoundError where there is none."""
        try:
            found = _of(path).snapshot(_key(path), most)
        except FileNotFoundError:
            self._note(path, None)
            raise FileNotFoundError(f"{path} does not exist") from None
        self._note(path, found.e_tag)
        if found.size == len(_GONE):
            raise FileNotFoundError(f"{path} does not exist")
        return found

    def identity(self, path: PurePath) -> str:
        """What names its version; whoever writes after having asked wants to replace that one."""
        found = _of(path).head(_key(path))
        self._note(path, found[0] if found else None)
        return found[0] if found else ""

    def pinned(self, path: PurePath) -> tuple[str, None]:
        """What names its version: two contents have two, whoever keeps which."""
        return self.identity(path), None

    def files(self, folder: PurePath, suffix: str = "") -> list[PurePath]:
        """The objects directly below a prefix whose names end so, sorted."""
        _, found = _of(folder).below(_key(folder))
        names = (each.key.rpartition("/")[2] for each in found if each.key.endswith(suffix) and _is_there(each))
        return [folder / name for name in sorted(names)]

    def folders(self, folder: PurePath, prefix: str = "") -> list[PurePath]:
        """The prefixes directly below a prefix whose names begin so, sorted."""
        found, _ = _of(folder).below(_key(folder))
        names = (each.rstrip("/").rpartition("/")[2] for each in found)
        return [folder / name for name in sorted(names) if name.startswith(prefix)]

    def tree(self, folder: PurePath) -> list[PurePath]:
        """All objects below a prefix, sorted."""
        cut = len(_key(folder)) + 1 if _key(folder) else 0
        return [folder / each.key[cut:] for each in _of(folder).listed(_key(folder)) if _is_there(each)]

    def holds(self, root: PurePath) -> bool:
        """Whether there is any object of it."""
        return any(True for _ in _of(root).listed(_key(root)))

    def prepare(self, root: PurePath) -> None:
        """Nothing: the first PUT tells whether this person may write."""

    def written(self, root: PurePath, path: PurePath, fill: Callable[[pa.NativeFile], object]) -> _Content:  # noqa: ARG002
        """A buffer."""
        import pyarrow as pa

        buffer = pa.BufferOutputStream()
        fill(buffer)
        return _Content(path, buffer.getvalue().to_pybytes())

    def place(self, root: PurePath, *waves: Sequence[Incoming]) -> None:
        """One conditional PUT each."""
        for each in chain(*waves):
            assert isinstance(each, _Content)
            self._put(root, each.path, each.content)

    def withdraw(self, path: PurePath) -> None:
        """Take an object away: first what is read is replaced, under the condition that a DELETE does not know."""
        root = next((each for each in self._writers if path.is_relative_to(each)), None)
        if root is None:
            raise CatalogBusy(f"{path} can be taken away only by the catalog's writer.", "Hold the lock: `locked`.")
        if path not in self._writers[root].seen:
            self.exists(path)
        if self._writers[root].seen[path] is not None:
            self._put(root, path, _GONE)
            _of(path).delete(_key(path))
            self._writers[root].seen[path] = None

    def copy(self, root: PurePath, path: PurePath, place: PurePath) -> None:
        """Keep a second copy of an object."""
        self._put(root, place, self.read(path))

    def move(self, root: PurePath, path: PurePath, place: PurePath) -> None:
        """Give an object another name: a copy first, so that whoever dies in between loses nothing."""
        self.copy(root, path, place)
        self.withdraw(path)

    def leftovers(self, root: PurePath) -> list[PurePath]:  # noqa: ARG002 a folder's leave some
        """None: what was not put whole was never put."""
        return []

    @contextmanager
    def lock(self, root: PurePath, wait: float) -> Iterator[None]:
        """Be the root's only writer, by its lease."""
        mutex = self._threads[root]
        if not mutex.acquire(timeout=wait):
            raise CatalogBusy(
                f"Another writer has held the catalog {root} for more than {wait:g} seconds.",
                "Wait until its import has ended, then try again.",
            )
        try:
            if root in self._writers:
                yield
                return
            self._writers[root] = _Writer(self._claim(root, wait))
            try:
                yield
            finally:
                self._left[root] = self._writers.pop(root).claim.release() or ""
        finally:
            mutex.release()

    def is_locked(self, root: PurePath) -> bool:
        """Whether the root's lease is held."""
        return self.is_alive(root / _LOCK)

    @contextmanager
    def alive(self, path: PurePath) -> Iterator[None]:
        """Hold a lease of its own; an error lets it expire, and the object stays."""
        claim = Claim.wait(_of(path), _key(path), f"the import {path.stem}", 0.0)
        try:
            yield
        except BaseException:
            claim.release()
            raise
        claim.release()
        _of(path).delete(_key(path))

    def is_alive(self, path: PurePath) -> bool:
        """Whether a lease is held."""
        return lease.is_held(_of(path).get(_key(path)))

    def _claim(self, root: PurePath, wait: float) -> Claim:
        return Claim.wait(_of(root), _key(root / _LOCK), f"the catalog {root}", wait, self._left.get(root) or None)

    def _put(self, root: PurePath, path: PurePath, content: bytes) -> None:
        writer = self._writers[root]
        if path not in writer.seen:
            self.exists(path)
        writer.claim.require()
        writer.seen[path] = _of(path).put(_key(path), content, writer.seen[path])

    def _note(self, path: PurePath, e_tag: str | None) -> None:
        """Remember which version a writer read first, until it writes: what it decides is decided on that one."""
        for root, writer in list(self._writers.items()):
            if writer.thread == threading.get_ident() and path.is_relative_to(root):
                writer.seen.setdefault(path, e_tag)


def _of(path: PurePath) -> objects.Objects:
    assert isinstance(path, ObjectPath)
    return objects.store_of(path.bucket)


def _key(path: PurePath) -> str:
    assert isinstance(path, ObjectPath)
    return path.key


def _is_there(each: objects.Listed) -> bool:
    return each.size != len(_GONE)
