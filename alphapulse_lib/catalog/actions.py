"""Splits and dividends: one file a root, every version kept."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib import clock
from alphapulse_lib.catalog import datasets, layout
from alphapulse_lib.catalog.parquet import whole
from alphapulse_lib.catalog.publish import locked
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import ACTIONS
from alphapulse_lib.catalog.versions import Merge
from alphapulse_lib.errors import InputError

__all__ = ["instruments", "read", "remove", "write"]


def write(root: Path, table: pa.Table, import_id: str, *, recorded_at: int | None = None) -> Merge:
    """Merge corporate actions into a root.

    Parameters
    ----------
    table : pa.Table
        Columns ``instrument_id``, ``kind`` (``"split"`` or ``"dividend"``), ``ex_date``, ``ratio`` (of a split: new
        shares for one old), ``amount`` (of a dividend, a share, as paid on that day), ``available_at``, ``source``.
        A column ``assumed`` says of which rows nobody said when they were announced; of none without it.

    Raises
    ------
    InputError
        Another kind; a split without a ratio above zero; a dividend without an amount.
    """
    arriving = datasets.conformed(table, ACTIONS, import_id)
    _check(arriving)
    assumed = table["assumed"] if "assumed" in table.column_names else pa.array([False] * table.num_rows, pa.bool_())
    with locked(root):
        now = clock.now_ns() if recorded_at is None else recorded_at
        merges = [
            datasets.write_file(root, root / layout.ACTIONS, ACTIONS, rows, now, assumed=guessed)
            for guessed in (False, True)
            if (rows := arriving.filter(pc.equal(assumed, guessed))).num_rows
        ]
    return datasets.together(merges, ACTIONS)


def read(
    roots: Roots | Path,
    instrument_id: str | None = None,
    as_of: int | None = None,
    recorded_as_of: int | None = None,
) -> pa.Table:
    """The corporate actions seen at a moment, sorted by instrument and ex-date.

    Parameters
    ----------
    instrument_id : str, optional
        One instrument; all unless told. An instrument's actions come from a person's own root where that holds any.
    as_of, recorded_as_of : int, optional
        Nanoseconds since 1970, UTC; now unless told.

    Returns
    -------
    pa.Table
        ``schemas.ACTIONS``; no rows where none is held.
    """
    parts: list[pa.Table] = []
    owned: list[str] = []
    for _, root in Roots.of(roots).all:
        path = root / layout.ACTIONS
        if not path.exists():
            continue
        table = whole(path, ACTIONS.schema)
        if instrument_id is not None:
            table = table.filter(pc.equal(table["instrument_id"], instrument_id))
        table = table.filter(pc.invert(pc.is_in(table["instrument_id"], pa.array(owned, pa.string()))))
        owned += pc.unique(table["instrument_id"]).to_pylist()
        parts.append(datasets.seen(table, ACTIONS, as_of, recorded_as_of))
    table = pa.concat_tables(parts) if parts else ACTIONS.schema.empty_table()
    return table.sort_by([("instrument_id", "ascending"), ("ex_date", "ascending"), ("kind", "ascending")])


def remove(root: Path, import_id: str) -> int:
    """Take an import's actions back; how many they were."""
    path = root / layout.ACTIONS
    with locked(root):
        return datasets.remove_from_file(root, path, ACTIONS, import_id) if path.exists() else 0


def instruments(root: Path) -> list[str]:
    """The instruments that a root holds actions of."""
    path = root / layout.ACTIONS
    return pc.unique(whole(path, ["instrument_id"])["instrument_id"]).to_pylist() if path.exists() else []


def _check(table: pa.Table) -> None:
    for row in table.select(["instrument_id", "kind", "ex_date", "ratio", "amount"]).to_pylist():
        figure = {"split": row["ratio"], "dividend": row["amount"]}.get(row["kind"])
        if row["kind"] not in ("split", "dividend"):
            raise InputError(
                f"{row['instrument_id']} {row['ex_date']}: unknown kind of action {row['kind']!r}.",
                "A corporate action is a 'split' or a 'dividend'.",
            )
        if figure is None or not 0 < figure < float("inf"):
            needed = "a ratio" if row["kind"] == "split" else "an amount"
            raise InputError(f"{row['instrument_id']} {row['ex_date']}: a {row['kind']} needs {needed} above zero.")
