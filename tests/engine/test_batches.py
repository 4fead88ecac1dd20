"""A run fed in batches of any size is the very run that is fed with everything at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from nautilus_trader.backtest import BacktestEngine, BacktestEngineConfig
from nautilus_trader.common import LoggerConfig
from nautilus_trader.execution import MakerTakerFeeModel, StaticLatencyModel
from nautilus_trader.model import (
    AccountType,
    Bar,
    BarType,
    Currency,
    DataType,
    InstrumentId,
    Money,
    OmsType,
    OrderSide,
    OrderType,
    Price,
    Quantity,
    Venue,
)
from nautilus_trader.trading import Strategy

from alphapulse_lib.catalog import reader
from alphapulse_lib.catalog.fingerprints import of_bars
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.engine.batches import BARS, Source, batches
from alphapulse_lib.engine.events import news_events
from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.engine.fills import WholeFills
from alphapulse_lib.engine.intrabar import Intrabar
from alphapulse_lib.engine.nautilus import nautilus_instrument
from alphapulse_lib.engine.rows import Rows, held_rows
from alphapulse_lib.model.period import Period
from tests.resources.toy_market import MINUTE, OPEN, write_minutes

AAA, BBB = InstrumentId.from_str("AAA.XNAS"), InstrumentId.from_str("BBB.XNAS")
SECOND = 10**9
COUNT = 60
_TIME = pa.timestamp("ns", "UTC")


class Listening(Strategy):
    """Writes down all it hears, and trades with every kind of order on the way."""

    shares = 1

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.journal: list[tuple[Any, ...]] = []

    def on_start(self) -> None:
        for each in ("AAA.XNAS-1-MINUTE-LAST-EXTERNAL", "BBB.XNAS-1-MINUTE-LAST-EXTERNAL"):
            self.subscribe_bars(BarType.from_str(each))
        self.subscribe_bars(BarType.from_str("AAA.XNAS-5-MINUTE-LAST-INTERNAL@1-MINUTE-EXTERNAL"))
        self.subscribe_data(DataType("News"))
        self.clock.set_timer_ns("ninety", 90 * SECOND, OPEN, None, self.rings)

    def rings(self, event: Any) -> None:
        self.journal.append(("timer", event.ts_event, self.clock.timestamp_ns()))

    def on_data(self, data: Any) -> None:
        self.journal.append(("news", data.data.headline, self.clock.timestamp_ns()))
        self.market(BBB, OrderSide.BUY)

    def on_bar(self, bar: Bar) -> None:
        self.journal.append(("bar", str(bar.bar_type), bar.ts_event, str(bar.close), self.clock.timestamp_ns()))
        number = (bar.ts_event - OPEN) // MINUTE
        traded = bar.bar_type.instrument_id
        if number % 3 == 0:
            self.market(traded, OrderSide.SELL if number % 2 else OrderSide.BUY)
        elif number % 5 == 0:
            stop = Price(float(bar.close) * 1.001, 4)
            self.submit_order(self.order_factory.stop_market(traded, OrderSide.BUY, Quantity.from_int(2), stop))
        elif number % 7 == 0:
            limit = Price(float(bar.close) * 0.999, 4)
            self.submit_order(self.order_factory.limit(traded, OrderSide.BUY, Quantity.from_int(3), limit))

    def market(self, traded: InstrumentId, side: OrderSide) -> None:
        self.submit_order(self.order_factory.market(traded, side, Quantity.from_int(self.shares)))

    def on_order_filled(self, event: Any) -> None:
        self.journal.append(("fill", str(event.instrument_id), event.ts_event, str(event.last_px), str(event.last_qty)))


@pytest.fixture
def sources() -> list[Source]:
    """Two instruments: one of contiguous minutes, one that closes between its minutes and has gaps."""
    walk = np.random.default_rng(7)
    found = []
    for symbol, shift, step in (("AAA", 0, 1), ("BBB", 20 * SECOND, 2)):
        closes = [OPEN + shift + MINUTE * (n + 1) for n in range(0, COUNT, step)]
        prices = 100 + walk.normal(0, 0.3, (len(closes), 2)).cumsum(axis=0)
        bars = [(a, max(a, b) + 0.2, min(a, b) - 0.2, b) for a, b in prices.round(4).tolist()]
        instrument = write_minutes(symbol, bars, closes=closes)
        table = reader.bar_table(Roots.of_settings(), instrument.id, "1m").combine_chunks()
        feed = Feed(instrument, Period(1, "m"), held_rows(table, instrument), np.ones(len(closes)), 4, "team")
        found.append(Source(feed, feed.opens(np.empty(0, np.int64)), trades=True, thin=None))
    return found


def news() -> list[Any]:
    moments = [OPEN + MINUTE * minute + 31 * SECOND for minute in (2, 9, 21, 40)] + [OPEN + 30 * MINUTE]
    stamps = pa.array(sorted(moments), pa.int64()).cast(_TIME)
    words = [f"headline {number}" for number in range(len(moments))]
    same = dict.fromkeys(("article_id", "source", "headline", "body", "url"), words)
    ids = ["AAA.XNAS"] * len(words)
    return news_events(pa.table({"instrument_id": ids, **same, "published_at": stamps, "available_at": stamps}))


def bare_engine(sources: list[Source], **venue: Any) -> BacktestEngine:
    """An engine with the sources' instruments, which trade for nothing."""
    engine = BacktestEngine(BacktestEngineConfig(run_analysis=False, logging=LoggerConfig(bypass_logging=True)))
    usd = Currency.from_str("USD")
    engine.add_venue(
        Venue("XNAS"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(100_000, usd)],
        base_currency=usd,
        default_leverage=Decimal(1),
        latency_model=StaticLatencyModel(1),
        fee_model=MakerTakerFeeModel(Decimal(0), Decimal(0)),
        reject_stop_orders=False,
        **venue,
    )
    for source in sources:
        engine.add_instrument(nautilus_instrument(source.feed.instrument, 4))
    return engine


def journal(sources: list[Source], size: int) -> tuple[list[tuple[Any, ...]], list[int]]:
    """What a strategy heard, and how many data the engine held in each batch."""
    engine = bare_engine(sources, fill_model=WholeFills())
    strategy = Listening()
    engine.add_strategy(strategy)
    held = []
    for batch in batches(engine, sources, news(), size):
        before = engine.iteration
        engine.run(start=batch.start, streaming=not batch.is_last)
        held.append(engine.iteration - before)
    return strategy.journal, held


def test_batches_of_any_size_are_the_same_run(sources: list[Source]) -> None:
    whole, held = journal(sources, BARS)
    assert len(held) == 1
    kinds = [row[0] for row in whole]
    assert kinds.count("fill") > 30, "a run that trades nothing proves nothing"
    assert kinds.count("timer") > 30
    assert kinds.count("news") == 5
    assert sum("INTERNAL" in row[1] for row in whole if row[0] == "bar") == 12
    for size in (1, 2, 7, 45, 89, 90):
        parts, held = journal(sources, size)
        assert parts == whole, size
        assert (len(held) > 1) == (size < 90), size


def test_a_series_that_is_read_a_stretch_at_a_time_is_the_same_run(sources: list[Source]) -> None:
    """Long ones are: held whole their bars would be nearly all that their run ever holds."""
    torn = []
    for source in sources:
        feed, whole = source.feed, source.feed.rows.stretch(0)

        def read(number: int, columns: Sequence[str] | None, whole: pa.Table = whole) -> pa.Table:
            part = whole.slice(13 * number, 13)
            return part if columns is None else part.select(columns)

        firsts = range(0, len(feed.ts), 13)
        rows = Rows(feed.instrument, feed.ts, feed.closes, firsts, read)
        assert rows.fingerprint() == of_bars(whole) == feed.rows.fingerprint()
        torn.append(replace(source, feed=replace(feed, rows=rows)))
    for size in (7, BARS):
        assert journal(torn, size) == journal(sources, size), size


def test_no_batch_is_larger_than_was_asked_for(sources: list[Source]) -> None:
    _, held = journal(sources, 10)
    # Each bar brings its opening trade; the five articles lie in different batches.
    assert max(held) <= 2 * 10 + 2
    assert sum(held) == 2 * 90 + 5


def test_each_batch_starts_where_the_one_before_ended(sources: list[Source]) -> None:
    class Silent:
        """Takes what it is given: only the bounds are asked for here."""

        def clear_data(self) -> None: ...
        def sort_data(self) -> None: ...
        def add_data(self, data: list[Any], sort: bool) -> None: ...

    found = list(batches(Silent(), sources, [], 8))  # type: ignore[arg-type]
    assert found[0].start is None
    assert [each.is_last for each in found] == [False] * (len(found) - 1) + [True]
    assert all(a.start < b.start for a, b in pairwise(found[1:]))


class Buying(Listening):
    """Asks for more than a bar's close offers."""

    shares = 400


class Noting(WholeFills):
    """Notes of each market order when it asked for a book, and whether it was given one."""

    def __init__(self, intrabar: Intrabar) -> None:
        super().__init__(intrabar)
        self.asked: list[tuple[int, bool]] = []

    def get_orderbook_for_fill_simulation(self, _instrument: Any, _order: Any, *prices: Price | None) -> Any:
        book = super().get_orderbook_for_fill_simulation(_instrument, _order, *prices)
        if _order.order_type == OrderType.MARKET:
            self.asked.append((self._intrabar._now(), book is not None))
        return book


def _now(strategy: Strategy) -> int:
    return strategy.clock.timestamp_ns()


def test_at_an_opening_trade_a_market_order_needs_no_book_and_fills_as_with_one(
    sources: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    openings = {*np.concatenate([source.opens + 1 for source in sources]).tolist()}
    found = []
    for _ in range(2):
        strategy = Buying()
        model = Noting(Intrabar(sources, partial(_now, strategy), cache=None))
        engine = bare_engine(sources, fill_model=model)
        engine.add_strategy(strategy)
        for batch in batches(engine, sources, news(), BARS):
            engine.run(start=batch.start, streaming=not batch.is_last)
        found.append((strategy.journal, model.asked))
        monkeypatch.setattr(Intrabar, "is_opening", lambda _: False)
    (needed, asked), (every, always) = found
    assert needed == every
    assert any(row[0] == "fill" and row[4] == "400" for row in needed)
    assert all(given == (moment not in openings) for moment, given in asked)
    assert {given for _, given in asked} == {True, False}
    assert all(given for _, given in always)
