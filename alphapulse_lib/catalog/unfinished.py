"""Imports under way, and those that died before their end.

Beside the record of an import that has begun lies ``imports/<id>.unfinished``, which is kept alive for as long as its
process lives. The file goes when the import has done all that it set out to do. One that nobody keeps alive is
therefore what an import left behind that was killed, or that failed half-way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout, storage
from alphapulse_lib.catalog.publish import locked, publish_bytes, withdraw

__all__ = ["ended", "is_dead", "settle", "under_way"]

_SUFFIX = ".unfinished"


@contextmanager
def under_way(root: PurePath, import_id: str) -> Iterator[None]:
    """Be known as alive while an import writes. Whoever leaves by an error stays unfinished."""
    with locked(root):
        pass  # A root that cannot be written to is refused before anything else.
    marker = _marker(root, import_id)
    with storage.of(root).alive(marker):
        yield


def settle(root: PurePath) -> list[dict[str, Any]]:
    """The records of the imports that died or failed half-way; one that says it is running is told otherwise."""
    found = []
    for marker in storage.files(root / layout.IMPORTS):
        if marker.suffix != _SUFFIX or not is_dead(root, marker.stem):
            continue
        record = _record(marker.with_suffix(".json"))
        if record.get("status") == "running":
            record |= {"status": "interrupted", "ended": clock.now().isoformat()}
            with locked(root):
                publish_bytes(
                    root, marker.with_suffix(".json"), json.dumps(record, indent=1, ensure_ascii=False).encode()
                )
        if record.get("status") == "interrupted":
            found.append(record)
        else:  # it was taken back, or died before its record was kept
            ended(root, [marker.stem])
    return found


def ended(root: PurePath, import_ids: Iterable[str]) -> None:
    """What these imports left undone has been done by a later one."""
    for import_id in import_ids:
        with locked(root):
            withdraw(_marker(root, import_id))


def is_dead(root: PurePath, import_id: str) -> bool:
    """Whether no process is writing this import."""
    return not storage.of(root).is_alive(_marker(root, import_id))


def _marker(root: PurePath, import_id: str) -> PurePath:
    return root / layout.IMPORTS / f"{import_id}{_SUFFIX}"


def _record(path: PurePath) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(storage.read(path))
    except (FileNotFoundError, ValueError):
        return {}
    return record
