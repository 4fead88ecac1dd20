"""A run on ticks that is fed in batches is the very run that is fed with everything at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nautilus_trader.model import BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

import alphapulse_lib as ap
from alphapulse_lib.catalog import reader
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.batches import Source
from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.engine.fills import WholeFills
from alphapulse_lib.engine.rows import held_rows
from alphapulse_lib.engine.tick_batches import TICKS, TickBatches, met
from alphapulse_lib.engine.tick_feed import tick_series
from alphapulse_lib.model.period import Period
from tests.engine.test_batches import bare_engine
from tests.resources.toy_market import MINUTE, OPEN, SIX, write_minutes, write_trades

COUNT = 40_000
AAA = InstrumentId.from_str("AAA.XNAS")


class Listening(Strategy):
    """Writes down all it hears, and trades on every 977th trade and on every bar."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.journal: list[tuple[Any, ...]] = []
        self.seen = 0

    def on_start(self) -> None:
        self.subscribe_trades(AAA)
        self.subscribe_bars(BarType.from_str("AAA.XNAS-1-MINUTE-LAST-EXTERNAL"))
        self.subscribe_bars(BarType.from_str("AAA.XNAS-250-TICK-LAST-INTERNAL"))

    def on_trade(self, told: Any) -> None:
        self.seen += 1
        self.journal.append((told.ts_init, str(told.price)))
        if self.seen % 977 == 0:
            self.buy()

    def on_bar(self, told: Any) -> None:
        self.journal.append((str(told.bar_type), self.clock.timestamp_ns(), str(told.close)))
        if "MINUTE" in str(told.bar_type):
            self.buy()

    def buy(self) -> None:
        self.submit_order(self.order_factory.market(AAA, OrderSide.BUY, Quantity.from_int(1)))

    def on_order_filled(self, event: Any) -> None:
        self.journal.append(("fill", event.ts_event, str(event.last_px)))


@pytest.fixture
def source() -> Source:
    """Six minutes of bars; forty thousand trades, of which many share a moment, in three row groups."""
    instrument = write_minutes("AAA")
    moments = np.sort(np.random.default_rng(5).integers(0, 6 * 60 * 100, COUNT)) * 10_000_000 + OPEN
    prices = 100 + np.round(np.random.default_rng(6).normal(0, 1, COUNT).cumsum() / 50, 2)
    write_trades("AAA", list(zip(moments.tolist(), prices.tolist(), [3.0] * COUNT, strict=True)))
    table = reader.bar_table(Roots.of_settings(), instrument.id, Period(1, "m")).combine_chunks()
    feed = Feed(instrument, Period(1, "m"), held_rows(table, instrument), np.ones(len(SIX)), 4, "team")
    opens = feed.ts - MINUTE
    series = tick_series(Roots.of_settings(), feed, int(opens[0]))
    return Source(feed, opens, trades=False, thin=None, ticks=series)


def run(source: Source, size: int) -> tuple[Listening, list[int], int]:
    engine = bare_engine([source], fill_model=WholeFills(stops=True), bar_execution=False)
    strategy = Listening()
    engine.add_strategy(strategy)
    fed = TickBatches(engine, [source], [], size)
    counts = []
    for batch in fed:
        before = engine.iteration
        engine.run(start=batch.start, streaming=not batch.is_last)
        counts.append(engine.iteration - before)
    assert fed.reached(engine.iteration) == source.feed.last
    return strategy, counts, fed.last_tick["AAA.XNAS"]


def test_batches_change_nothing(source: Source) -> None:
    whole, counts, last = run(source, 10**9)
    assert counts == [COUNT + 6]
    parts, counts, last_of_parts = run(source, 1)
    assert len(counts) == 3
    assert max(counts) <= 16_384 + 6
    assert parts.journal == whole.journal
    assert last_of_parts == last
    assert sum(each[0] == "fill" for each in whole.journal) >= COUNT // 977
    assert sum("TICK" in str(each[0]) for each in whole.journal) == COUNT // 250


@pytest.mark.parametrize("size", [1, TICKS])
def test_what_an_order_met_is_the_first_tick_after_its_decision(source: Source, size: int) -> None:
    held = ap.trades("AAA")
    stamps = held["ts"].astype("int64").to_numpy()
    moments = np.random.default_rng(7).permutation(np.arange(OPEN - 5, int(stamps[-1]) + 5, 700_000_000))
    found = met(source, moments, size)
    for moment, told, bid, ask in zip(moments, found.moments, found.bid, found.ask, strict=True):
        after = np.flatnonzero(stamps > moment)
        assert told == (stamps[after[0]] if len(after) else 0)
        if len(after):
            assert bid == ask == held["price"].iloc[after[0]]
