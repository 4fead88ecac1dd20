"""The imports a catalog remembers: `imports/<id>.json`, and the rows set aside in `quarantine/<id>.parquet`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import fields
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from alphapulse_lib import clock
from alphapulse_lib.catalog import layout, storage
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked, publish_bytes, publish_table
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import CatalogDamaged, UnknownImport, did_you_mean
from alphapulse_lib.ingestion.report import Report

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DECLARED",
    "QUARANTINE",
    "SHOWN",
    "adjusted_series",
    "find",
    "new_id",
    "quarantine",
    "records",
    "report_of",
    "save",
]

#: How the mark of a series begins whose prices were declared adjusted.
DECLARED = "declared adjusted"
#: The columns of the rows set aside that a report shows.
SHOWN = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("symbol", pa.string()),
        ("reason", pa.string()),
        ("row", pa.string()),
    ]
)
#: All columns of the rows set aside: also what each stands for, so far as that could be read, and who released it.
#: ``kind`` is ``"bars"`` or ``"actions"``; ``ts`` and ``available_at`` are nanoseconds of UTC.
QUARANTINE = pa.schema(
    [
        *SHOWN,
        *((name, pa.string()) for name in ("kind", "instrument_id", "period")),
        ("ts", pa.int64()),
        *((name, pa.float64()) for name in ("open", "high", "low", "close", "volume")),
        ("available_at", pa.int64()),
        ("action", pa.string()),
        ("ex_date", pa.date32()),
        *((name, pa.float64()) for name in ("ratio", "amount")),
        *((name, pa.string()) for name in ("released_at", "released_by")),
    ]
)


def new_id() -> str:
    """An id that sorts by time and is never given twice."""
    return f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def save(root: PurePath, record: dict[str, Any], aside: pa.Table | None = None) -> None:
    """Keep an import's record, and the rows it set aside."""
    with locked(root):
        if aside is not None and aside.num_rows:
            publish_table(root, layout.quarantine_file(root, record["id"]), aside)
        text = json.dumps(record, indent=1, ensure_ascii=False)
        publish_bytes(root, root / "imports" / f"{record['id']}.json", text.encode())


def records(root: PurePath) -> Iterator[dict[str, Any]]:
    """The records of a root's imports, the oldest first.

    Raises
    ------
    CatalogDamaged
        A record cannot be read.
    """
    for path in layout.records(root):
        try:
            yield json.loads(storage.read(path))
        except ValueError:
            raise CatalogDamaged(
                f"The record of the import {path.stem} cannot be read: {path}.",
                "Restore it from a copy; else `alphapulse check --repair` moves it to damaged/; what it brought stays.",
            ) from None


def find(root: PurePath, import_id: str) -> dict[str, Any]:
    """The record of an import, by its id or a beginning of it that no other shares.

    Raises
    ------
    UnknownImport
        There is none, or several.
    """
    known = {record["id"]: record for record in records(root)}
    found = [each for each in known if import_id and each.startswith(import_id)]
    if import_id in known or len(found) == 1:
        return known[import_id if import_id in known else found[0]]
    last = ", ".join(list(known)[-3:])
    if found:
        raise UnknownImport(f"{len(found)} imports begin with {import_id!r}.", f"They are {', '.join(found[:5])}.")
    hint = did_you_mean(str(import_id), known) or (
        f"The last were {last}." if last else "No import was ever made here."
    )
    raise UnknownImport(f"The catalog remembers no import {import_id!r}.", hint)


def quarantine(root: PurePath, import_id: str) -> pd.DataFrame:
    """The rows an import set aside, as ``Report.quarantined`` shows them."""
    path = layout.quarantine_file(root, import_id)
    table = whole(path, SHOWN.names) if storage.exists(path) else SHOWN.empty_table()
    frame: pd.DataFrame = table.to_pandas()
    return frame


def report_of(root: PurePath, record: dict[str, Any]) -> Report:
    """The report of an import that was made earlier."""
    kept = {each.name: record[each.name] for each in fields(Report) if each.name != "quarantined"}
    kept |= {name: tuple(kept[name]) for name in ("instruments", "warnings", "notes")}
    return Report(**kept, quarantined=quarantine(root, record["id"]))


def adjusted_series(roots: Roots | PurePath) -> dict[str, str]:
    """The series whose prices are not as traded, or are doubted to be, with the reason in words.

    Parameters
    ----------
    roots : Roots or PurePath
        Of a series that both roots hold, the person's own counts.

    Returns
    -------
    dict of str to str
        Bar type to why: ``"declared adjusted by import 2026..."``, or the evidence against prices declared as traded.
    """
    found: dict[str, str] = {}
    place = Roots.of(roots)
    for name, root in place.all:
        for record in records(root):
            if record.get("status") == "reverted":
                continue
            for series in record.get("series", ()):
                held = place.series(series["bar_type"])
                if held is not None and held[0] == name and series.get("adjusted"):
                    found[series["bar_type"]] = f"{series['adjusted']} (import {record['id']})"
    return found
