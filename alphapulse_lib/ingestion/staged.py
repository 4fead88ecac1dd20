"""What an import is about to write, made whole before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from alphapulse_lib.ingestion.records import QUARANTINE, SHOWN

if TYPE_CHECKING:
    from alphapulse_lib.model.instrument import Instrument, Listing
    from alphapulse_lib.model.period import Period
    from alphapulse_lib.providers.contract import Batch

__all__ = ["Series", "Staged", "gather", "set_aside"]


@dataclass(frozen=True, slots=True)
class Series:
    """The bars of one instrument, ready for the writer.

    Attributes
    ----------
    adjusted : str
        Why they are not as traded, in words; ``""`` where they are.
    assumed : bool
        Whether it is assumed that each was available at its close, since its source does not say.
    """

    instrument: Instrument
    period: Period
    bars: pa.Table
    adjusted: str = ""
    assumed: bool = True


@dataclass(slots=True)
class Staged:
    """What is ready to be written, what was set aside, and what there is to say about it."""

    series: list[Series] = field(default_factory=list)
    instruments: list[Instrument] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    members: list[pa.Table] = field(default_factory=list)
    actions: list[pa.Table] = field(default_factory=list)
    recovered: list[pa.Table] = field(default_factory=list)
    articles: list[pa.Table] = field(default_factory=list)
    aside: list[pa.Table] = field(default_factory=list)
    flags: list[pa.Table] = field(default_factory=list)
    repeated: int = 0
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows are ready."""
        tables = (*self.actions, *self.articles, *self.members, *(each.bars for each in self.series))
        return len(self.listings) + sum(int(each.num_rows) for each in tables)


def gather(batches: list[Batch]) -> tuple[pa.Table, list[str]]:
    """The rows of all batches in one table, each with its file and its text, and the batches' notes."""
    tables, notes = [], []
    for batch in batches:
        file = pa.DictionaryArray.from_arrays(pa.nulls(batch.table.num_rows, pa.int32()).fill_null(0), [batch.name])
        tables.append(batch.table.append_column("file", file).append_column("row", batch.raw["row"]))
        notes += [note if len(batches) == 1 else f"{batch.name}: {note}" for note in batch.notes]
    return pa.concat_tables(tables, promote_options="permissive").unify_dictionaries(), list(dict.fromkeys(notes))


def set_aside(rows: pa.Table, **meant: pa.Array) -> pa.Table:
    """Rows with their reasons, as the quarantine keeps them; ``meant`` is what they stand for, where that is known."""
    known = {name: rows[name] for name in SHOWN.names if name in rows.column_names} | meant
    columns = [known.get(name, pa.nulls(rows.num_rows)) for name in QUARANTINE.names]
    return pa.table(dict(zip(QUARANTINE.names, columns, strict=True))).cast(QUARANTINE)
