"""Money that moves without an order: what holdings are paid, and what credit and borrowed shares cost.

NautilusTrader asks a `SimulationModule` after each moment of its data what the account is to be credited or charged
with. So the strategy's own account has the money from the first moment after it moved.

Interest and borrow fees are charged for each night, at the start of the next day that has bars
(`alphapulse_lib.model.nights`), for as many days as lie between (of a weekend three nights on Friday's balances), by
the convention actual/360 of the US money market, which US brokers keep: ``balance x rate x days / 360``. Trades count
from the day they fill, not from their settlement. Interest is on the cash less what is held short at the last closes,
since what shorts were sold for is the lender's security.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from nautilus_trader.backtest import SimulationModule
from nautilus_trader.model import Currency, Money

from alphapulse_lib.engine.distributions import Distribution
from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.engine.request import CASH_FLOWS
from alphapulse_lib.model.nights import days_end
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import Costs, RunSpec
from alphapulse_lib.model.window import FOREVER, moment_ns

__all__ = ["Book", "Till", "has_flows"]

_TIME = pa.timestamp("ns", "UTC")


#: Days of a year, as interest counts them.
_YEAR = 360
#: Less than this of a share is rounding.
_DUST = 1e-7


def has_flows(costs: Costs, feeds: Sequence[Feed]) -> bool:
    """Whether money may move without an order: where it cannot, no Python need be asked at every moment."""
    return costs.finance or any(feed.distributions or feed.delisting for feed in feeds)


class Book:
    """Holdings and cash of a run as they are while it runs, and what moved without an order.

    Parameters
    ----------
    spec : RunSpec
        Its cash and costs.
    feeds : sequence of Feed
        All series of the run.
    """

    def __init__(self, spec: RunSpec, feeds: Sequence[Feed]) -> None:
        self._feeds = {feed.instrument.id: feed for feed in feeds}
        self._currency = Currency.from_str(feeds[0].instrument.currency)
        self._held: dict[str, float] = defaultdict(float)
        self._cash, self._costs = spec.cash, spec.costs
        self._fills: list[tuple[int, str, float, float]] = []
        self._order = 0
        self._coming: list[tuple[int, int, Any]] = []
        for feed in feeds:
            for each in feed.distributions:
                self._expect(each.entitled, (feed.instrument.id, each))
        if spec.costs.finance:
            for moment, days in _nights(feeds, spec.period):
                self._expect(moment, ("", days))
        for feed in feeds:
            if feed.delisting:  # after the night before it, which is of the same moment
                self._expect(feed.delisting.paid, (feed.instrument.id, feed.delisting))
        #: Of each venue's code, what its account is still to be told.
        self.due: dict[str, list[Money]] = defaultdict(list)
        #: What moved, by time: the moment, the instrument's id, the kind and the amount.
        self.flows: list[tuple[int, str, str, float]] = []
        #: What delistings ended: the moment, the instrument's id, the shares of the first day and a share's price then,
        #: as traded.
        self.ended: list[tuple[int, str, float, float]] = []

    @property
    def next(self) -> int:
        """The moment after which `advance` has something to do."""
        return self._coming[0][0] if self._coming else FOREVER

    def filled(self, instrument_id: str, moment: int, units: float, spent: float) -> None:
        """Take note of a fill.

        Parameters
        ----------
        units : float
            Shares of the first day, below zero where they were sold.
        spent : float
            With all its costs; below zero where money came in.
        """
        # What is still on its way when an instrument's data end never filled.
        if moment <= self._feeds[instrument_id].last:
            self._fills.append((moment, instrument_id, units, spent))

    def advance(self, now: int) -> None:
        """Let everything happen that was to happen before now."""
        while self._coming and self._coming[0][0] < now:
            moment, _, (instrument_id, what) = heapq.heappop(self._coming)
            self._settle(moment)
            if isinstance(what, Distribution) and what.kind == "delisting":
                self._end(moment, instrument_id, what)
            elif isinstance(what, Distribution):
                if amount := self._entitlement(instrument_id, what):
                    self._expect(what.paid, (instrument_id, (what.kind, amount)))
            elif isinstance(what, int):
                self._finance(moment, what)
            else:
                self._move(moment, instrument_id, *what)

    def close(self, reached: int) -> None:
        """Let everything happen that was still to come when the data ended, or the run was shut down.

        Parameters
        ----------
        reached : int
            The last moment of the run: what NautilusTrader filled after it never filled.
        """
        self._fills = [each for each in self._fills if each[0] <= reached]
        self.advance(FOREVER)

    def table(self, names: dict[str, str]) -> pa.Table:
        """What moved, as `CASH_FLOWS`, under the symbols that instruments are reported under."""
        moments, ids, kinds, amounts = zip(*self.flows, strict=True) if self.flows else ((), (), (), ())
        columns = [
            pa.array(moments, pa.int64()).cast(_TIME),
            pa.array([names.get(each, "") for each in ids], pa.string()),
            pa.array(kinds, pa.string()),
            pa.array(amounts, pa.float64()),
        ]
        return pa.Table.from_arrays(columns, schema=CASH_FLOWS)

    def _expect(self, moment: int, what: Any) -> None:
        self._order += 1
        heapq.heappush(self._coming, (moment, self._order, what))

    def _settle(self, until: int) -> None:
        """Count the fills up to a moment."""
        count = 0
        for moment, instrument_id, units, spent in self._fills:
            if moment > until:
                break
            self._held[instrument_id] += units
            self._cash -= spent
            count += 1
        del self._fills[:count]

    def _entitlement(self, instrument_id: str, what: Distribution) -> float:
        feed = self._feeds[instrument_id]
        return self._held[instrument_id] * feed.ratio_before(what.entitled) * what.amount

    def _end(self, moment: int, instrument_id: str, what: Distribution) -> None:
        units = self._held.pop(instrument_id, 0.0)
        if abs(units) < _DUST:
            return
        self._cash += units * self._feeds[instrument_id].ratio_before(moment) * what.amount
        self.ended.append((moment, instrument_id, units, what.amount))

    def _finance(self, moment: int, days: int) -> None:
        """Borrow fees and interest for the days until a moment."""
        costs, years, short = self._costs, days / _YEAR, 0.0
        for instrument_id, units in list(self._held.items()):
            if units < -_DUST:
                value = -units * self._feeds[instrument_id].value_before(moment)
                short += value
                self._move(moment, instrument_id, "borrow", -value * costs.borrow_percent / 100 * years)
        free = self._cash - short
        rate = costs.interest_percent if free > 0 else costs.debit_percent
        self._move(moment, "", "interest", free * rate / 100 * years)

    def _move(self, moment: int, instrument_id: str, kind: str, amount: float) -> None:
        if not amount:
            return
        self._cash += amount
        self.flows.append((moment, instrument_id, kind, amount))
        # Interest is on all cash: the first venue's account has it.
        venue = (instrument_id or next(iter(self._feeds))).rpartition(".")[2]
        self.due[venue].append(Money(amount, self._currency))


def _nights(feeds: Sequence[Feed], period: str) -> Iterator[tuple[int, int]]:
    """The starts of the days that have bars, but for the first, and how many days since the one before."""
    zone, before_midnight = days_end(feeds[0].instrument.venue, Period.parse(period))
    stamps = np.unique(np.concatenate([feed.ts for feed in feeds]))
    first, last = (datetime.fromtimestamp(int(each) // 10**9, UTC).date() for each in (stamps[0], stamps[-1]))
    days = [first + timedelta(days=number) for number in range(-1, (last - first).days + 3)]
    starts = np.array([moment_ns(day, zone) for day in days], np.int64) - before_midnight
    # A bar that closes at midnight belongs to the day before.
    held = np.unique(np.searchsorted(starts, stamps) - 1)
    for before, after in pairwise(held.tolist()):
        yield int(starts[after]), after - before


class Till(SimulationModule):
    """Tells one venue's account what moved.

    Parameters
    ----------
    book : Book
        The run's.
    venue : str
        Its code.
    """

    def __new__(cls, *_: Any) -> Till:
        """NautilusTrader's base class takes no arguments of ours."""
        return super().__new__(cls)

    def __init__(self, book: Book, venue: str) -> None:
        self._book, self._venue = book, venue

    def process(self, _ts_now: int, _context: Any) -> list[Money] | None:
        """Called after each moment of the data."""
        if self._book.next < _ts_now:
            self._book.advance(_ts_now)
        return self._book.due.pop(self._venue, None)
