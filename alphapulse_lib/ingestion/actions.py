"""Corporate actions from a provider's rows, ready to be written."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alphapulse_lib.catalog.schemas import TIME
from alphapulse_lib.catalog.sessions import open_of, sessions
from alphapulse_lib.errors import InputError
from alphapulse_lib.ingestion.staged import Staged, aside, contradicted, gather, reasons
from alphapulse_lib.ingestion.validate import judge_actions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alphapulse_lib.ingestion.instruments import Instruments
    from alphapulse_lib.model.instrument import Instrument
    from alphapulse_lib.providers.contract import Batch, Request

__all__ = ["stage_actions"]

#: What befalls a listing may be dated on a day without a session; prices change on a session alone.
_OF_LISTINGS = ("rename", "delisting")


def stage_actions(request: Request, batches: Iterable[Batch], instruments: Instruments) -> Staged:
    """Corporate actions ready to be written; one without ``available_at`` counts as known from its ex-date's open.

    Raises
    ------
    InputError
        No row's symbol means an instrument; where only some do not, those rows are set aside.
    """
    table, notes = gather(batches)
    staged = Staged(notes=notes)
    table = _judged(_with_symbols(table))
    _take_renames(table, instruments)
    whose = _Whose.of(table, instruments)
    kind = np.array(table["kind"].to_pylist(), object)
    reason = reasons(table)
    opens = whose.opens(table, kind)
    days = np.asarray(table["ex_date"].cast(pa.int32()).fill_null(0)).astype("datetime64[D]")
    closed = np.array([f"{day} is no session" for day in days], object)
    closed = np.where((opens < 0) & (whose.refused == ""), closed, "")
    for more in (whose.refused, _of_others(table, whose), closed):
        reason = np.where(reason == "", more, reason)
    reason = contradicted(table, reason, ("symbol", "venue", "kind", "ex_date", "part"))
    staged.aside.append(aside(table, reason, **_meant(table, whose, opens)))
    good = np.flatnonzero(reason == "")
    if len(good):
        staged.actions.append(_ready(table.take(good), whose.ids.take(pa.array(good)), opens[good], request.source))
        staged.instruments = whose.of_rows(good)
        assumed = int(table["available_at"].take(pa.array(good)).null_count)
        if assumed:
            staged.notes.append(f"{assumed:,} actions count as known from the open of their ex-date (assumed)")
    return staged


@dataclass(frozen=True, slots=True)
class _Whose:
    """The instrument of each row: its place among those found, -1 where there is none, and why there is none."""

    found: list[Instrument]
    place: NDArray[np.int64]
    refused: NDArray[np.object_]

    @classmethod
    def of(cls, table: pa.Table, instruments: Instruments) -> _Whose:
        names = pc.binary_join_element_wise(pc.coalesce(table["symbol"], ""), pc.coalesce(table["venue"], ""), "\x1f")
        keys = names.combine_chunks().dictionary_encode()
        found: list[Instrument] = []
        places, refusals, first = [], [], None
        for key in keys.dictionary.to_pylist():
            symbol, _, venue = key.partition("\x1f")
            place, refusal = -1, ""
            try:
                if symbol:
                    meant = instruments.of(symbol, venue or None)
                    found += [] if meant in found else [meant]
                    place = found.index(meant)
            except InputError as refused:
                first, refusal = first or refused, f"{refused.message} {refused.hint}"
            places.append(place)
            refusals.append(refusal)
        if first and not found:
            raise first
        codes = keys.indices.to_numpy()
        return cls(found, np.array(places, np.int64)[codes], np.array(refusals, object)[codes])

    @property
    def ids(self) -> pa.Array:
        """Each row's instrument."""
        return pa.array([*(each.id for each in self.found), None], pa.string()).take(pa.array(self.place % (
            len(self.found) + 1)))  # fmt: skip

    def of_rows(self, rows: NDArray[np.int64]) -> list[Instrument]:
        """The instruments that those rows are about."""
        return [self.found[at] for at in np.unique(self.place[rows])]

    def opens(self, table: pa.Table, kind: NDArray[np.object_]) -> NDArray[np.int64]:
        """The open of each row's day at its exchange; -1 where that day has none. A listing's: the next there is."""
        days = np.asarray(table["ex_date"].cast(pa.int32()).fill_null(0)).astype("datetime64[D]")
        opens = np.full(len(days), -1, np.int64)
        listing = np.isin(kind, _OF_LISTINGS)
        for at, instrument in enumerate(self.found):
            rows = self.place == at
            opens[rows] = np.where(
                listing[rows], _next_open(instrument, days[rows]), open_of(instrument.venue.code, days[rows])
            )
        return opens

    def next_opens(self, table: pa.Table) -> NDArray[np.int64]:
        """The open of each row's day or of the next session; -1 of a row without an instrument."""
        return self.opens(table, np.full(table.num_rows, _OF_LISTINGS[0], object))


def _take_renames(table: pa.Table, instruments: Instruments) -> None:
    """Let the new tickers that the rows tell mean the instruments that are called so from then on."""
    told = table.filter(pc.and_(pc.equal(table["kind"], "rename"), pc.is_null(table["reason"])))
    for row in told.sort_by("ex_date").to_pylist():
        with suppress(InputError):  # a ticker that means no instrument: its own row says so
            instruments.rename(instruments.of(row["symbol"], row["venue"]), row["new_symbol"])


def _of_others(table: pa.Table, whose: _Whose) -> NDArray[np.object_]:
    """Why a row's ticker does not mean its instrument on its day: it had it no longer, or not yet; else ``""``."""
    reason = np.full(table.num_rows, "", object)
    days, symbols = table["ex_date"].to_numpy(), table["symbol"].to_numpy(zero_copy_only=False)
    told = pc.and_(pc.equal(table["kind"], "rename").fill_null(False), pc.is_null(table["reason"]))
    for at in np.flatnonzero(told.to_numpy()):
        old, new, day = symbols[at], table["new_symbol"][at].as_py(), days[at]
        own = whose.place == whose.place[at]
        reason[own & (symbols == old) & (days > day)] = f"{old} had become {new} on {day}: this is of another"
        reason[own & (symbols == new) & (days < day)] = f"{new} was {old} until {day}: this is of another"
    return reason


def _next_open(instrument: Instrument, days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    known = sessions(instrument.venue.code)
    opens: NDArray[np.int64] = known.opens[np.minimum(np.searchsorted(known.days, days), len(known) - 1)]
    return opens


def _with_symbols(table: pa.Table) -> pa.Table:
    """With a part for every row: a spin-off's is the symbol that was spun off."""
    part = pc.coalesce(table["part"], pc.if_else(pc.equal(table["kind"], "spin_off"), table["new_symbol"], ""))
    return table.set_column(table.schema.get_field_index("part"), "part", part)


def _judged(table: pa.Table) -> pa.Table:
    """With a reason for every row that cannot be used for what it says: such a rename renames nothing."""
    kind, new_symbol = (np.array(table[name].to_pylist(), object) for name in ("kind", "new_symbol"))
    ratio, amount = (np.asarray(table[name].fill_null(np.nan), np.float64) for name in ("ratio", "amount"))
    judged = judge_actions(kind, ratio, amount, new_symbol)
    reason = pc.coalesce(table["reason"], pa.array(judged, pa.string(), mask=judged == ""))
    return table.set_column(table.schema.get_field_index("reason"), "reason", reason)


def _ready(rows: pa.Table, ids: pa.Array, opens: NDArray[np.int64], source: str) -> pa.Table:
    """What `catalog.actions.write` takes."""
    figures = {name: pc.if_else(pc.is_nan(rows[name]), None, rows[name]) for name in ("ratio", "amount")}
    return pa.table(
        {
            "instrument_id": ids,
            **{name: rows[name] for name in ("kind", "ex_date", "new_symbol", "part")},
            **figures,
            "available_at": pc.coalesce(rows["available_at"], pa.array(opens)).cast(TIME),
            "assumed": pc.is_null(rows["available_at"]),
            "source": pa.repeat(pa.scalar(source), rows.num_rows),
        }
    )


def _meant(table: pa.Table, whose: _Whose, opens: NDArray[np.int64]) -> dict[str, pa.Array]:
    """What corporate actions say, for the quarantine; one without ``available_at`` counts from its day's open."""
    opens = np.where(opens < 0, whose.next_opens(table), opens)
    return {
        "kind": pa.repeat(pa.scalar("actions"), table.num_rows),
        "instrument_id": whose.ids,
        "action": table["kind"],
        **{name: table[name] for name in ("ex_date", "ratio", "amount")},
        "available_at": pc.coalesce(table["available_at"], pa.array(opens, mask=opens < 0)),
    }
