"""What an import is about to write, made whole before anything is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from alphapulse_lib.ingestion.records import QUARANTINE, SHOWN
from alphapulse_lib.ingestion.spool import Spool
from alphapulse_lib.providers.text import joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.model.instrument import Instrument, Listing
    from alphapulse_lib.model.period import Period
    from alphapulse_lib.providers.contract import Batch

__all__ = [
    "Series",
    "Staged",
    "Ticks",
    "aside",
    "contradicted",
    "gather",
    "named_notes",
    "reasons",
    "set_aside",
]


@dataclass(frozen=True, slots=True)
class Series:
    """The bars of one instrument, or a year of them, ready for the writer.

    Attributes
    ----------
    kept, key : Spool, int
        Where they lie.
    rows : int
        How many they are.
    adjusted : str
        Why they are not as traded, in words; ``""`` where they are.
    assumed : bool
        Whether it is assumed that each was available at its close, since its source does not say.
    """

    instrument: Instrument
    period: Period
    kept: Spool
    key: int
    rows: int
    adjusted: str = ""
    assumed: bool = True

    def told(self) -> dict[str, str]:
        """What the record of the import says of it."""
        return {
            "bar_type": self.period.bar_type(self.instrument.id),
            "adjusted": self.adjusted,
            "available_at": "assumed" if self.assumed else "stated",
        }

    @property
    def bars(self) -> pa.Table:
        """Columns as `catalog.schemas.BAR_INPUT`."""
        return self.kept[self.key]


@dataclass(frozen=True, slots=True)
class Ticks:
    """Trades or quotes of one instrument, a month of them or a part of one, ready for the writer."""

    instrument: Instrument
    kind: Literal["trades", "quotes"]
    kept: Spool
    key: int
    rows: int
    assumed: bool = True

    @property
    def table(self) -> pa.Table:
        """Columns as `catalog.ticks.write_trades` or ``write_quotes`` takes them."""
        return self.kept[self.key]


@dataclass(slots=True)
class Staged:
    """What is ready to be written, what was set aside, and what there is to say about it.

    ``spool`` holds the bars and ticks: it is to be closed in the end.
    """

    spool: Spool = field(default_factory=Spool)
    series: list[Series] = field(default_factory=list)
    ticks: list[Ticks] = field(default_factory=list)
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

    def add_bars(
        self, instrument: Instrument, period: Period, bars: pa.Table, adjusted: str = "", *, assumed: bool = True
    ) -> None:
        """Put bars to what is ready."""
        key = len(self.spool)
        self.spool.add(key, bars)
        self.series.append(Series(instrument, period, self.spool, key, bars.num_rows, adjusted, assumed))

    def add_ticks(
        self, instrument: Instrument, kind: Literal["trades", "quotes"], table: pa.Table, *, assumed: bool = True
    ) -> None:
        """Put trades or quotes to what is ready."""
        key = len(self.spool)
        self.spool.add(key, table)
        self.ticks.append(Ticks(instrument, kind, self.spool, key, table.num_rows, assumed))

    def named(self) -> dict[str, Instrument]:
        """The instruments of what is ready, by id; an instrument's own row says more of it than its bars."""
        named = [*(each.instrument for each in self.series), *(each.instrument for each in self.ticks)]
        return {each.id: each for each in (*named, *self.instruments)}

    @property
    def rows(self) -> int:
        """How many rows are ready."""
        tables = (*self.actions, *self.articles, *self.members)
        lengths = [*(int(each.num_rows) for each in tables), *(each.rows for each in self.series)]
        return len(self.listings) + sum(lengths) + sum(each.rows for each in self.ticks)


def gather(batches: Iterable[Batch]) -> tuple[pa.Table, list[str]]:
    """The rows of all batches in one table, each with its file and its text, and the batches' notes."""
    tables, notes, names = [], [], set[str]()
    for batch in batches:
        file = pa.DictionaryArray.from_arrays(pa.nulls(batch.table.num_rows, pa.int32()).fill_null(0), [batch.name])
        tables.append(batch.table.append_column("file", file).append_column("row", batch.raw["row"]))
        notes += [(batch.name, note) for note in batch.notes]
        names.add(batch.name)
    return pa.concat_tables(tables, promote_options="permissive").unify_dictionaries(), named_notes(notes, len(names))


def named_notes(notes: Iterable[tuple[str, str]], files: int) -> list[str]:
    """Notes, each once; with the name of what they are about where that is one of several."""
    return list(dict.fromkeys(note if files == 1 else f"{name}: {note}" for name, note in notes))


def set_aside(rows: pa.Table, **meant: pa.Array) -> pa.Table:
    """Rows with their reasons, as the quarantine keeps them; ``meant`` is what they stand for, where that is known."""
    known = {name: rows[name] for name in SHOWN.names if name in rows.column_names} | meant
    if pa.types.is_struct(known["row"].type):
        known["row"] = joined(known["row"].combine_chunks().flatten())
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
