"""Another future: everything after a moment is replaced, for a process that must not notice before that moment.

Whatever the process reads of the catalog by `alphapulse_lib` comes through `Lens`: the engine's own bars, news and
scores, and what a strategy asks of ``ap.bars``, ``ap.news``, ``ap.sentiment``, ``ap.trades`` or ``ap.sql`` while it
runs. A file that holds nothing after the moment is read as it is; of any other one a copy is made when it is first
read. The rows up to the moment are the same in both.

Two futures are told: in the one prices rise and news are good, in the other they fall, news are bad and every other
article is missing. So whatever a strategy knows of true prices, news and scores, one of the two says something else: of
the next open, too, where the moment is before it. No article is added: a strategy that knows that none will come is not
found out.

A listing that ends later never ends in the one, and nothing is delisted any more. No end is added: a strategy that
knows of none is not found out. Members of universes are left, whose days count as known from their first one on, and
bars end when they do: only their figures are replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from alphapulse_lib.catalog import floats, layout, parquet
from alphapulse_lib.catalog.decimals import to_decimals, to_floats
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.schemas import PRICES, TIME
from alphapulse_lib.engine.feed import Integers, open_moments
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import FOREVER

__all__ = ["TRUE", "Corruption", "Lens", "path_of", "wicks_of"]

type Floats = NDArray[np.float64]

_ROWS = 16_384
_DAY = 86_400 * 10**9
#: More days than lie between 1970 and any other.
_EVER = 1 << 30
#: The logarithm of what the first open that is not known yet is multiplied by: half of what its close is.
_GAP = 0.05
_SAID = {1: "Record profit beats every estimate, outlook raised", -1: "Fraud, heavy loss and default, outlook cut"}


@dataclass(frozen=True)
class Corruption:
    """Which future.

    Attributes
    ----------
    after : int
        What happens later than that moment is replaced, nanoseconds since 1970, UTC.
    direction : {1, -1, 0}
        Up, down, or as it was.
    """

    after: int
    direction: Literal[1, -1, 0]


#: The future as it was.
TRUE = Corruption(FOREVER, 0)


def path_of(count: int, direction: int) -> Floats:
    """What the prices of so many moments after the last true one are multiplied by.

    A tenth up or down at once and ever less from there on, to 2.7 times or 0.37 of what they were: no sign of a next
    return survives, and no level later. From the sixth on each has a noise of its own.
    """
    steps = np.arange(1, count + 1, dtype=np.float64)
    noise = np.random.default_rng(count).standard_normal(count) * 0.03
    noise[:5] = 0.0
    path: Floats = np.exp(direction * (1 - 0.9**steps) + noise)
    return path


def wicks_of(count: int, direction: int) -> tuple[Floats, Floats]:
    """How far the highs of so many bars lie above both open and close, and the lows below, as parts of those.

    Drawn, and nothing of the true ones: long in the future that goes up, and longer above than below; next to none in
    the other, and longer below. So whatever is known of a bar's range or of its wicks, one of the two says another.
    """
    above, below = np.random.default_rng([count, 1]).random((2, count))
    return (0.05 + 0.03 * above, 0.02 + 0.02 * below) if direction > 0 else (0.0 * above, 0.0005 * below)


class Lens:
    """Through which a process reads the catalog.

    Parameters
    ----------
    folder : Path
        Takes the copies; it goes with the process.
    session_opens : callable
        Of a venue's code, the opens of its sessions, nanoseconds since 1970, UTC, rising.
    """

    def __init__(
        self, corruption: Corruption, roots: Roots, folder: Path, session_opens: Callable[[str], Integers]
    ) -> None:
        self._corruption, self._folder, self._session_opens = corruption, folder, session_opens
        self._roots = [root for _, root in roots.all]
        self._known: dict[PurePath, PurePath] = {}

    def install(self) -> None:
        """Let all that this process reads from now on come through here."""
        if self._corruption.direction:
            parquet.look_through(self)

    def __call__(self, path: PurePath) -> PurePath:
        """The file that is read for a path."""
        if path not in self._known:
            self._known[path] = self._seen(path)
        return self._known[path]

    def scores(self, table: pa.Table | None) -> pa.Table | None:
        """Scores that were handed over."""
        return table if table is None or not self._corruption.direction else self._scores(table)

    def _seen(self, path: PurePath) -> PurePath:
        at = next((at for at, root in enumerate(self._roots) if path.is_relative_to(root)), None)
        if at is None:
            return path
        name = path.relative_to(self._roots[at])
        change = self._change(name)
        if change is None:
            return path
        table = parquet.true(path)
        changed = change(table)
        if changed is table:
            return path
        copy = self._folder / "future" / str(at) / Path(name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(changed, copy, row_group_size=_ROWS)
        return copy

    def _change(self, name: PurePath) -> Callable[[pa.Table], pa.Table] | None:
        parts = name.parts[1:] if name.parts[0] in ("data", "revisions") else name.parts
        changes: dict[str, Callable[[pa.Table], pa.Table]] = {
            "bars": self._bars,
            "trades": self._ticks,
            "quotes": self._ticks,
            "articles": self._articles,
            "scores": self._scores,
            layout.ACTIONS: self._actions,
            layout.LISTINGS: self._listings,
        }
        return changes.get(parts[0])

    def _later(self, table: pa.Table, column: str) -> NDArray[np.bool_]:
        later: NDArray[np.bool_] = table[column].cast(pa.int64()).to_numpy() > self._corruption.after
        return later

    def _bars(self, table: pa.Table) -> pa.Table:
        later = self._later(table, "ts_event")
        if not later.any():
            return table
        price, size = (int(table.schema.metadata[name]) for name in (b"price_precision", b"size_precision"))
        true = {name: to_floats(table[name], price) for name in PRICES}
        opened, close = (true[name][later] for name in ("open", "close"))
        path = path_of(len(close), self._corruption.direction)
        gap = np.exp(self._corruption.direction * _GAP) if self._opens_later(table, later) else 1.0
        before = np.concatenate([[gap], path[:-1]])
        first, last = opened * before, close * path
        above, below = wicks_of(len(close), self._corruption.direction)
        tick = 10.0**-price
        figures = {
            "open": first,
            "high": np.maximum(first, last) * (1 + above),
            "low": np.minimum(first, last) * (1 - below),
            "close": last,
        }
        columns = {}
        for name, values in figures.items():
            true[name][later] = np.maximum(values, tick)
            columns[name] = to_decimals(true[name], price)
        volume = to_floats(table["volume"], size)
        volume[later] *= np.exp(self._corruption.direction)
        columns["volume"] = to_decimals(volume, size)
        had = bool(set(floats.COLUMNS) & set(table.schema.names))
        changed = _replaced(table, columns)
        return floats.added(changed) if had else changed

    def _opens_later(self, table: pa.Table, later: NDArray[np.bool_]) -> bool:
        """Whether the first bar that ends after the moment also opens after it: else its open is known by then."""
        bar_type = table.schema.metadata[b"bar_type"].decode()
        period, venue = Period.of_bar_type(bar_type), Instrument(bar_type.rsplit("-", 4)[0]).venue
        opens = self._session_opens(venue.code) if period.is_session else np.empty(0, np.int64)
        moments = open_moments(table["ts_event"].cast(pa.int64()).to_numpy(), period, opens)
        # An order that was sent at the moment of an open is filled at it: the open is told a nanosecond later.
        return bool(moments[later][0] >= self._corruption.after)

    def _ticks(self, table: pa.Table) -> pa.Table:
        later = self._later(table, "ts_event")
        if not later.any():
            return table
        precision = int(table.schema.metadata[b"price_precision"])
        columns = {}
        for name in ("price", "bid_price", "ask_price"):
            if name in table.schema.names:
                values = to_floats(table[name], precision)
                values[later] *= path_of(int(later.sum()), self._corruption.direction)
                columns[name] = to_decimals(np.maximum(values, 10.0**-precision), precision)
        return _replaced(table, columns)

    def _articles(self, table: pa.Table) -> pa.Table:
        later = self._later(table, "available_at")
        if not later.any():
            return table
        said = pa.scalar(_SAID[self._corruption.direction])
        columns = {name: pc.if_else(pa.array(later), said, table[name]) for name in ("headline", "body")}
        changed = _replaced(table, columns)
        if self._corruption.direction > 0:
            return changed
        return changed.filter(pa.array(~later | (np.cumsum(later) % 2 == 0)))

    def _scores(self, table: pa.Table) -> pa.Table:
        later = self._later(table, "available_at")
        if not later.any():
            return table
        return _replaced(
            table, {"score": pc.if_else(pa.array(later), 0.9 * self._corruption.direction, table["score"])}
        )

    def _actions(self, table: pa.Table) -> pa.Table:
        later = self._later(table, "available_at")
        later &= table["ex_date"].cast(pa.int32()).to_numpy().astype(np.int64) * _DAY > self._corruption.after
        if not later.any():
            return table
        twice = {name: pc.multiply(table[name], 2.0) for name in ("ratio", "amount")}
        changed = _replaced(
            table, {name: pc.if_else(pa.array(later), twice[name], table[name]) for name in ("ratio", "amount")}
        )
        if self._corruption.direction < 0:
            return changed
        return changed.filter(pa.array(~(later & np.asarray(pc.equal(table["kind"], "delisting")))))

    def _listings(self, table: pa.Table) -> pa.Table:
        """An instrument's newest ticker never ends: an older one would reach into the next one's days."""
        day = self._corruption.after // _DAY
        start, end, ids = _days(table["start"]), _days(table["end"]), table["instrument_id"].to_pylist()
        newest: dict[str, int] = {}
        for each, first in zip(ids, start.tolist(), strict=True):
            newest[each] = max(first, newest.get(each, first))
        ending = (start == np.array([newest[each] for each in ids], np.int64)) & (start <= day) & (end > day)
        if self._corruption.direction < 0 or not ending.any():
            return table
        return _replaced(table, {"end": pc.if_else(pa.array(ending), pa.scalar(None, pa.date32()), table["end"])})


def _days(dates: pa.ChunkedArray) -> NDArray[np.int64]:
    """Days since 1970; where none is told, long before."""
    days: NDArray[np.int64] = dates.cast(pa.int32()).cast(pa.int64()).fill_null(-_EVER).to_numpy()
    return days


def _replaced(table: pa.Table, columns: dict[str, Any]) -> pa.Table:
    arrays = [columns.get(field.name, table[field.name]) for field in table.schema]
    arrays = [each.cast(TIME) if field.type == TIME else each for each, field in zip(arrays, table.schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=table.schema)
