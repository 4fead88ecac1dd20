"""What a run could know: the moment of which it read the catalog, and when its rows could be known.

Bars are told, and dividends paid, no earlier than that. No fingerprint of bars or actions holds it: figures may
be the same, and a run another. Trades, quotes and news hold it in theirs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from alphapulse_lib.catalog import actions, reader
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.engine.availability import too_late
from alphapulse_lib.model.instrument import Instrument, venue
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunRecord, RunSpec
from alphapulse_lib.model.window import moment_ns

__all__ = ["Apart", "actions_apart", "bars_apart", "read_as_of", "spec_then"]

#: Actions by which money moves no earlier than they are known; splits are in the prices.
_PAID = ("dividend", "spin_off", "delisting")


class Apart(NamedTuple):
    """An action, and since when each of two runs could act by it: its ex-date, unless it was known later."""

    instrument_id: str
    kind: str
    ex_date: date
    one: int
    other: int


def read_as_of(record: RunRecord) -> int:
    """The moment of which a run read the catalog: its start, and of one that repeats another that one's."""
    told = record.environment.get("read_as_of", "")
    return int(told) if re.fullmatch(r"[0-9]{1,18}|[1-8][0-9]{18}", told) else record.started_at


def spec_then(record: RunRecord) -> RunSpec:
    """A run's spec with the moments that "now" was for it."""
    spec, made = record.spec, read_as_of(record)
    as_of, recorded = (made if each is None else each for each in (spec.as_of, spec.recorded_as_of))
    return replace(spec, as_of=as_of, recorded_as_of=recorded)


def bars_apart(
    roots: Roots, specs: Sequence[RunSpec], name: str, stamps: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The bars that two runs could know at different moments: their closes, and when each of the runs could.

    A run's own are told at their close unless they are known too late for what is decided on them: only then it counts.

    Parameters
    ----------
    specs : sequence of RunSpec
        Of the two, with the moments that "now" was when they ran.
    name : str
        A bar type.
    stamps : array of int64
        The closes of what both read, rising.
    """
    none = np.empty(0, np.int64)
    instrument_id, period = name.rsplit("-", 4)[0], Period.of_bar_type(name)
    if not len(stamps) or any(str(period) not in (each.period, *each.also) for each in specs):
        return none, none, none
    one, other = (reader.first_known(roots, instrument_id, period, stamps, each.recorded_as_of) for each in specs)
    apart = one != other
    if apart.any() and str(period) in {each.period for each in specs}:
        opens = sessions(Instrument(instrument_id).venue.code).opens if period.is_session else none
        late = [
            too_late(each, stamps, spec.fill, period, opens) for each, spec in zip((one, other), specs, strict=True)
        ]
        apart &= late[0] | late[1]
    return stamps[apart], one[apart], other[apart]


def actions_apart(roots: Roots, specs: Sequence[RunSpec], read: pa.Table) -> list[Apart]:
    """The dividends and their like that two runs could know at different moments, from their ex-dates on, by those.

    Parameters
    ----------
    specs : sequence of RunSpec
        As of `bars_apart`.
    read : pyarrow.Table
        What both read (`alphapulse_lib.query.facts.actions_table`).
    """
    if not all(each.dividends for each in specs):
        return []
    paid = read.filter(pc.is_in(read["kind"], pa.array(_PAID))).to_pylist()
    told = {
        name: [actions.announced(roots, name, each.as_of, each.recorded_as_of) for each in specs]
        for name in {row["instrument_id"] for row in paid}
    }
    found = []
    for row in paid:
        name, kind, day = row["instrument_id"], row["kind"], row["ex_date"]
        begins = moment_ns(day, venue(name.rpartition(".")[2]).timezone)
        one, other = (max(each.get((kind, day, row["part"]), begins), begins) for each in told[name])
        if one != other:
            found.append(Apart(name, kind, day, one, other))
    return sorted(found, key=lambda each: (each.ex_date, each.instrument_id, each.kind))
