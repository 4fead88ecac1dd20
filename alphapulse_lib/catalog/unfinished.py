"""Imports under way, and those that died before their end.

Beside the record of an import that has begun lies ``imports/<id>.unfinished``, held under a lock for as long as its
process lives. The file goes when the import has done all that it set out to do. One that nobody holds is therefore what
an import left behind that was killed, or that failed half-way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout
from alphapulse_lib.catalog.publish import is_locked, locked, publish_bytes

__all__ = ["ended", "is_dead", "settle", "under_way"]


@contextmanager
def under_way(root: Path, import_id: str) -> Iterator[None]:
    """Be known as alive while an import writes. Whoever leaves by an error stays unfinished."""
    with locked(root):
        (root / layout.IMPORTS).mkdir(exist_ok=True)
    marker = _marker(root, import_id)
    with FileLock(marker):
        yield
        marker.unlink(missing_ok=True)


def settle(root: Path) -> list[dict[str, Any]]:
    """The records of the imports that died or failed half-way; one that says it is running is told otherwise."""
    found = []
    for marker in sorted((root / layout.IMPORTS).glob("*.unfinished")):
        record = _record(marker.with_suffix(".json"))
        if not is_dead(root, marker.stem):
            continue
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


def ended(root: Path, import_ids: Iterable[str]) -> None:
    """What these imports left undone has been done by a later one."""
    for import_id in import_ids:
        _marker(root, import_id).unlink(missing_ok=True)


def is_dead(root: Path, import_id: str) -> bool:
    """Whether no process is writing this import."""
    return not is_locked(_marker(root, import_id))


def _marker(root: Path, import_id: str) -> Path:
    return root / layout.IMPORTS / f"{import_id}.unfinished"


def _record(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return record
