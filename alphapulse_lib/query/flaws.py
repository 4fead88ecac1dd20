"""Files that a view of SQL cannot read, found before DuckDB opens one, and told when a query comes to them.

DuckDB takes a column that a file lacks for empty: a row without ``available_at`` was never known, and in no answer.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import PurePath
from typing import TYPE_CHECKING

from alphapulse_lib.catalog import floats, footers
from alphapulse_lib.catalog.parquet import REPLACE
from alphapulse_lib.errors import CatalogDamaged

if TYPE_CHECKING:
    import duckdb

__all__ = ["found", "quoted", "refuse", "text"]

#: Of ticks, what files from before it was kept do without.
_OPTIONAL = ("conditions", "exchange", "sequence")


def found(paths: Iterable[PurePath], columns: Collection[str]) -> dict[PurePath, CatalogDamaged]:
    """Of files those that are none of these columns, and what to say of each."""
    needed = [name for name in columns if name not in _OPTIONAL]
    return {path: _told(path, flaw, needed) for path in paths if (flaw := footers.flaw(path, needed))}


def _told(path: PurePath, flaw: str, needed: list[str]) -> CatalogDamaged:
    if footers.flaw(path, [name for name in needed if name not in floats.COLUMNS]):
        return CatalogDamaged(f"{path} {flaw}.", f"{REPLACE} `alphapulse check` lists every such file.")
    return CatalogDamaged(f"{path} {flaw}.", "`alphapulse check --repair` finds and mends it.")


def text(flaw: CatalogDamaged) -> str:
    """What SQL says of it."""
    return f"{flaw.message} {flaw.hint}"


def refuse(connection: duckdb.DuckDBPyConnection, sql: str, flaws: Iterable[CatalogDamaged]) -> None:
    """Refuse a query that comes to one of these files: in its plan DuckDB left out those that it does not read.

    Raises
    ------
    CatalogDamaged
        It does.
    """
    import duckdb

    try:
        plan = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchall()[0][1]
    except duckdb.Error:  # what cannot be explained, such as an EXPLAIN: it tells of the file when it is computed
        return
    for flaw in flaws:
        if json.dumps(quoted(text(flaw)), ensure_ascii=False)[1:-1] in plan:
            raise flaw


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
