"""What an import is about to write, made whole before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from alphapulse_lib.ingestion.records import QUARANTINE, SHOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.model.instrument import Instrument, Listing
    from alphapulse_lib.model.period import Period
    from alphapulse_lib.providers.contract import Batch

__all__ = ["Series", "Staged", "aside", "contradicted", "gather", "reasons", "set_aside"]


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


def reasons(table: pa.Table) -> NDArray[np.object_]:
    """Why each row cannot be used, as its provider says; ``""`` where it can."""
    return np.array([each or "" for each in table["reason"].to_pylist()], object)


def aside(table: pa.Table, reason: NDArray[np.object_], **meant: pa.Array) -> pa.Table:
    """The rows that have a reason, as the quarantine keeps them."""
    bad = np.flatnonzero(reason != "")
    at = table.schema.get_field_index("reason")
    rows = table.take(bad).set_column(at, "reason", pa.array(reason[bad].tolist(), pa.string()))
    return set_aside(rows, **{name: column.take(pa.array(bad)) for name, column in meant.items()})


def contradicted(table: pa.Table, reason: NDArray[np.object_], key: tuple[str, ...]) -> NDArray[np.object_]:
    """The reasons, with those of usable rows that contradict an earlier usable row of the same key."""
    usable = np.flatnonzero(reason == "")
    facts = table.drop_columns(["line", "file", "row", "reason"]).take(usable).to_pandas()
    first = facts.groupby(list(key), dropna=False, sort=False).cumcount().to_numpy() == 0
    leader = facts[first].assign(row=np.flatnonzero(first))
    joined = facts[list(key)].merge(leader[[*key, "row"]], on=list(key), how="left")["row"].to_numpy()
    other = facts.iloc[joined].reset_index(drop=True)
    same = ((facts == other) | (facts.isna() & other.isna())).all(axis=1).to_numpy()
    lines = table["line"].to_numpy()[usable]
    contradicting = ~first & ~same
    result = reason.copy()
    result[usable[contradicting]] = [f"line {line} says otherwise of the same" for line in lines[joined[contradicting]]]
    return result
