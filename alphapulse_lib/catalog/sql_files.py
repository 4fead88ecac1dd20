"""The objects of a person's roots, and no others, as the file system that DuckDB is given.

While a query has an object open, all its reads come from one version of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from fsspec import AbstractFileSystem

from alphapulse_lib.catalog.objects import Reader, Snapshot, store_of
from alphapulse_lib.errors import CatalogChanged, CatalogReadOnly
from alphapulse_lib.location import ObjectPath

if TYPE_CHECKING:
    import duckdb

__all__ = ["SqlFiles", "register"]


def register(connection: duckdb.DuckDBPyConnection, roots: Sequence[PurePath]) -> None:
    """Let a connection read the roots that lie in an object store, if any does."""
    chosen = [root for root in roots if isinstance(root, ObjectPath)]
    if chosen:
        connection.register_filesystem(SqlFiles(chosen))
        # Its cache tells versions apart by the second they were written in.
        connection.execute("SET enable_external_file_cache = false")


class _SqlReader(Reader):
    """A snapshot as a file, which is forgotten when its version is no more: the next query opens the new one."""

    def __init__(self, snapshot: Snapshot, forget: Callable[[], object]) -> None:
        super().__init__(snapshot)
        self._forget = forget

    def read(self, size: int | None = -1) -> bytes:
        """The bytes from here on."""
        try:
            return super().read(size)
        except CatalogChanged:
            self._forget()
            raise


class SqlFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec is not typed
    """A file system that reads the objects below some roots.

    Parameters
    ----------
    roots : sequence of ObjectPath
        Nothing else can be read, listed or written.
    """

    protocol = "s3"
    cachable = False

    def __init__(self, roots: Sequence[ObjectPath]) -> None:
        super().__init__()
        self._roots = roots
        self._open_now: WeakValueDictionary[str, Snapshot] = WeakValueDictionary()

    def open(self, path: str, mode: str = "rb", **_: Any) -> Reader:
        """An object to read."""
        if mode not in ("rb", "r"):
            raise CatalogReadOnly(f"{path} cannot be written by SQL.", "The catalog is written by ap.ingest alone.")
        return _SqlReader(self._snapshot(path), lambda: self._open_now.pop(path, None))

    def size(self, path: str) -> int:
        """Its bytes."""
        return self._snapshot(path).size

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Its name, kind and size."""
        return {"name": path, "type": "file", "size": self.size(path)}

    def modified(self, path: str) -> datetime:
        """When it was written."""
        return self._snapshot(path).written

    def exists(self, path: str, **_: Any) -> bool:
        """Whether it is one of the roots': the names come from a listing."""
        return self._within(path) is not None

    def glob(self, path: str, **_: Any) -> list[str]:
        """The name itself: patterns are not for queries."""
        return [path] if self._within(path) else []

    def _within(self, path: str) -> ObjectPath | None:
        asked = ObjectPath(path)
        return asked if any(asked.is_relative_to(root) for root in self._roots) and ".." not in asked.parts else None

    def _snapshot(self, path: str) -> Snapshot:
        found = self._open_now.get(path)
        if found is None:
            asked = self._within(path)
            if asked is None:
                raise PermissionError(f"{path} is no file of the catalog")
            found = store_of(asked.bucket).snapshot(asked.key)
            self._open_now[path] = found
        return found
