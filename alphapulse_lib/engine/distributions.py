"""What instruments paid to those who held them: dividends in cash, spin-offs as the money they were worth, and what was
left when they were delisted.

Who holds a share at the last close before its ex-date is entitled; who sold it short owes it. The money moves at the
open of the ex-date, or when the action became known where that was later: nothing is paid before it could be known. A
correction is no later news of it: what was paid was right on its day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from alphapulse_lib.catalog import reader
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.errors import AmbiguousSymbol, UnknownSymbol
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunSpec
from alphapulse_lib.model.window import Window, moment_ns

__all__ = ["Distribution", "delisting", "distributions"]

type Integers = NDArray[np.int64]

_DAILY = Period(1, "d")
#: How far from an ex-date the close of what holders got may lie, so that it still tells the value of then.
_NEAR = 7 * 86_400 * 10**9

#: How long trading may have been halted before a delisting.
_HALTED = 31 * 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Distribution:
    """Money that one share brought.

    Attributes
    ----------
    kind : str
        ``"dividend"``, ``"spin_off"`` or ``"delisting"``, which ends the holding.
    entitled : int
        The first moment of the ex-date: who holds then is paid.
    paid : int
        When the money moves.
    amount : float
        For a share as traded at the last close before the ex-date.
    """

    kind: str
    entitled: int
    paid: int
    amount: float


def distributions(
    rows: list[dict[str, Any]],
    roots: Roots,
    instrument: Instrument,
    ts: Integers,
    spec: RunSpec,
    warnings: list[str],
    gone: Distribution | None = None,
) -> tuple[Distribution, ...]:
    """What one share of an instrument brought between its first bar and its last, or the day on which it was delisted.

    Parameters
    ----------
    rows : list of dict
        The instrument's corporate actions that are seen by the spec; ``known``: since when, in nanoseconds since 1970.
    ts : array of int64
        The bars' closes, rising.
    warnings : list of str
        Takes what was distributed and has no value.
    gone : Distribution, optional
        Its delisting: who holds it is entitled up to then, though it trades no more.
    """
    found = []
    ends, settles = (int(ts[-1]), int(ts[-1])) if gone is None else (gone.entitled, gone.paid)
    for row in rows:
        entitled = moment_ns(row["ex_date"], instrument.venue.timezone)
        if row["kind"] not in ("dividend", "spin_off") or not ts[0] < entitled <= ends:
            continue
        known, amount = row["known"], row["amount"]
        if amount is None:
            known, amount = _first_close(row, roots, entitled, known, spec)
        if amount is None:
            warnings.append(
                f"{instrument.symbol} spun off {row['new_symbol']} on {row['ex_date']}; nothing in the catalog tells "
                "what that was worth, so holders were paid nothing for it."
            )
            continue
        paid = max(entitled, known)
        if paid <= settles:
            found.append(Distribution(row["kind"], entitled, paid, float(amount)))
    return tuple(sorted(found, key=lambda each: each.entitled))


def delisting(
    rows: list[dict[str, Any]],
    roots: Roots,
    instrument: Instrument,
    last: tuple[int, float],
    spec: RunSpec,
    warnings: list[str],
) -> Distribution | None:
    """What a holder got for a share when the instrument was delisted within the spec's window; ``None`` if it was not.

    The cash and the shares that the action tells, these at their last daily close before it; where it tells neither, or
    nothing values the shares, the last close.

    Parameters
    ----------
    rows, instrument, warnings
        As in `distributions`.
    last : (int, float)
        Moment and price of the last close.
    """
    zone = instrument.venue.timezone
    gone = [(moment_ns(row["ex_date"], zone), row) for row in rows if row["kind"] == "delisting"]
    # One that bars follow was taken back; one long after the last bar came after bars that are not held.
    found = [
        (begins, row)
        for begins, row in gone
        if last[0] <= begins <= last[0] + _HALTED and max(begins, row["known"]) <= spec.end
    ]
    if not found:
        return None
    begins, row = found[0]
    cash, ratio = row["amount"], row["ratio"]
    worth = last[1] if cash is None and not ratio else float(cash or 0.0)
    if ratio:
        price = _last_close(row, roots, begins, spec)
        if price is None:
            warnings.append(
                f"{instrument.symbol} was delisted on {row['ex_date']} for shares of {row['new_symbol']}, of which the "
                "catalog holds no price: its last close was paid."
            )
        worth = last[1] if price is None else worth + float(ratio) * price
    return Distribution("delisting", begins, max(begins, row["known"]), worth)


def _last_close(row: dict[str, Any], roots: Roots, begins: int, spec: RunSpec) -> float | None:
    try:
        successor = Index(roots).resolve(row["new_symbol"], row["ex_date"])
    except (UnknownSymbol, AmbiguousSymbol):
        return None
    window = Window(begins - _NEAR, begins)
    closes = reader.bar_floats(roots, successor.id, _DAILY, window, spec.as_of, spec.recorded_as_of, ["close"])
    return float(closes["close"][-1].as_py()) if closes.num_rows else None


def _first_close(
    row: dict[str, Any], roots: Roots, entitled: int, known: int, spec: RunSpec
) -> tuple[int, float | None]:
    """When the first close of what was spun off became known, and what it made of one share."""
    try:
        child = Index(roots).resolve(row["new_symbol"], row["ex_date"])
    except (UnknownSymbol, AmbiguousSymbol):
        return known, None
    window = Window(entitled, entitled + _NEAR)
    closes = reader.bar_floats(roots, child.id, _DAILY, window, spec.as_of, spec.recorded_as_of, ["close"])
    if not closes.num_rows:
        return known, None
    first = int(closes["ts"].cast(pa.int64())[0].as_py())
    return max(known, first), float(row["ratio"]) * closes["close"][0].as_py()
