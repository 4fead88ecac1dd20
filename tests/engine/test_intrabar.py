"""Stops and limits inside bars, by hand: a gap fills at the open, and of two that are touched the worse comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from nautilus_trader.model import (
    Bar,
    BarType,
    InstrumentId,
    OrderSide,
    OrderType,
    Price,
    Quantity,
    TrailingOffsetType,
)
from nautilus_trader.trading import Strategy

from alphapulse_lib.catalog import schemas
from alphapulse_lib.catalog.decimals import to_decimals
from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.engine.harvest import harvest
from alphapulse_lib.engine.nautilus import build_engine
from alphapulse_lib.engine.rows import held_rows
from alphapulse_lib.errors import UnsafeFill
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.run import RunSpec, StrategySource
from tests.resources.toy_market import MINUTE, OPEN

#: The first bar, on which everything is decided; the next one opens where it closed.
FIRST = (100.0, 101.0, 99.0, 100.0)
CALM = (100.0, 100.0, 100.0, 100.0)


@dataclass(frozen=True)
class ScriptConfig:
    """``script``: number of a bar, counted from 1, to a line such as ``"bracket buy sl=95 tp=105"``."""

    instrument_id: InstrumentId
    bar_type: BarType
    script: Mapping[str, str]


class Script(Strategy):
    """Sends the orders that its script names, ``of`` ten shares unless told.

    ``at`` is a limit's price or a stop's trigger, ``limit`` the other price of an order that has both, ``by`` what a
    stop trails by; ``only=1`` marks one that reduces only.
    """

    def __init__(self, config: ScriptConfig) -> None:
        super().__init__(config)
        self._asked, self._seen = config, 0

    def on_start(self) -> None:
        self.subscribe_bars(self._asked.bar_type)

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        for line in self._asked.script.get(str(self._seen), "").split(";"):
            if line.strip():
                self._send(*line.split())

    def _send(self, kind: str, side: str = "", *words: str) -> None:
        if kind == "cancel":
            self.cancel_all_orders(self._asked.instrument_id)
            return
        said = dict(word.split("=") for word in words)
        quantity = Quantity.from_int(int(said.pop("of", "10")))
        by, reduces = Decimal(said.pop("by", "0")), bool(said.pop("only", ""))
        at = {name: Price(float(text), 4) for name, text in said.items()}
        common = self._asked.instrument_id, getattr(OrderSide, side.upper()), quantity
        make = self.order_factory
        if kind == "bracket":
            entered = {"entry_order_type": OrderType.LIMIT, "entry_price": at["entry"]} if "entry" in at else {}
            if by:
                entered |= {"sl_order_type": OrderType.TRAILING_STOP_MARKET, "sl_trailing_offset": by}
            self.submit_order_list(make.bracket(*common, sl_trigger_price=at["sl"], tp_price=at["tp"], **entered))
        elif kind == "trail":
            trailing = {"trailing_offset": by, "trailing_offset_type": TrailingOffsetType.PRICE}
            self.submit_order(make.trailing_stop_market(*common, trigger_price=at.get("at"), **trailing))
        elif kind == "trail_limit":
            trailing = {"trailing_offset": by, "trailing_offset_type": TrailingOffsetType.PRICE, "limit_offset": by}
            both = {"trigger_price": at["at"], "price": at["limit"]}
            self.submit_order(make.trailing_stop_limit(*common, **both, **trailing))
        elif kind in ("stop_limit", "limit_if_touched"):
            self.submit_order(getattr(make, kind)(*common, at["limit"], at["at"], reduce_only=reduces))
        elif kind in ("market", "market_to_limit"):
            self.submit_order(getattr(make, kind)(*common))
        else:
            made = {"limit": make.limit, "stop": make.stop_market, "market_if_touched": make.market_if_touched}
            self.submit_order(made[kind](*common, at["at"], reduce_only=reduces))


@pytest.fixture
def prices(tmp_path: Path) -> Callable[..., list[float]]:
    """Gives what a script's orders filled at, in turn, on bars that follow the first."""

    def run(bars: list[tuple[float, ...]], script: dict[str, str], fill: str = "next_open") -> list[float]:
        ts = np.array([OPEN + MINUTE * (n + 1) for n in range(len(bars) + 1)], np.int64)
        toy = Instrument("TOY.XNAS")
        columns = [to_decimals(np.array(each, float), 4) for each in zip(FIRST, *bars, strict=True)]
        stamps = pa.array(ts).cast(pa.timestamp("ns", "UTC"))
        volume = to_decimals(np.full(len(ts), 1000.0), 0)
        table = pa.Table.from_arrays([*columns, volume, stamps, stamps], schema=pa.schema(schemas.NAUTILUS_BARS))
        feed = Feed(toy, Period(1, "m"), held_rows(table, toy), np.ones(len(ts)), 4, "team")
        spec = RunSpec(StrategySource("script", ""), (toy.id,), "1m", 0, int(ts[-1]), fill=fill)
        strategy = Script(ScriptConfig(InstrumentId.from_str(toy.id), BarType.from_str(feed.bar_type), script))
        loaded = build_engine(
            spec,
            [feed],
            lambda _: np.empty(0, np.int64),
            [],
            tmp_path,
            "Script",
            lambda: strategy.clock.timestamp_ns(),
            {},
            {},
        )
        loaded.engine.add_strategy(strategy)
        for batch in loaded.batches():
            loaded.engine.run(start=batch.start, streaming=not batch.is_last)
        fills: list[float] = harvest(loaded, spec, {toy.id: "TOY"}, lambda each: each.ts)["fills"]["price"].to_pylist()
        return fills

    return run


type Prices = Callable[..., list[float]]


# --- an order that a bar fills a part of ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bars", "more", "parts"),
    [(3, {}, 3), (2, {}, 2), (3, {"3": "cancel"}, 2)],
    ids=["filled", "cut off by the end", "cancelled"],
)
def test_every_part_of_an_order_is_a_fill_however_it_ends(
    prices: Prices, bars: int, more: dict[str, str], parts: int
) -> None:
    dip = (100.0, 100.0, 99.0, 100.0)  # of a volume of 1,000, a quarter of which a limit finds
    assert prices([dip] * bars, {"1": "limit buy at=99 of=600", **more}) == [99.0] * parts


# --- brackets that both exits of are touched -----------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["next_open", "close", "next_close"])
@pytest.mark.parametrize(
    ("side", "stop", "target"), [("buy", 95, 105), ("sell", 105, 95)], ids=["of a long", "of a short"]
)
def test_of_two_exits_touched_in_one_bar_the_stop_comes_first(
    prices: Prices, side: str, stop: int, target: int, fill: str
) -> None:
    wide = (100.0, 106.0, 94.0, 100.0)
    assert prices([CALM, wide, CALM], {"1": f"bracket {side} sl={stop} tp={target}"}, fill) == [100.0, stop]


@pytest.mark.parametrize("fill", ["next_open", "close", "next_close"])
@pytest.mark.parametrize(
    ("side", "stop", "target"), [("buy", 95, 105), ("sell", 105, 95)], ids=["of a long", "of a short"]
)
def test_an_exit_that_is_touched_alone_fills_at_its_own_price(
    prices: Prices, side: str, stop: int, target: int, fill: str
) -> None:
    asked = {"1": f"bracket {side} sl={stop} tp={target}"}
    up, down = (100.0, 106.0, 99.0, 100.0), (100.0, 101.0, 94.0, 100.0)
    assert prices([CALM, up, CALM], asked, fill) == [100.0, 105.0]
    assert prices([CALM, down, CALM], asked, fill) == [100.0, 95.0]


@pytest.mark.parametrize(
    ("side", "stop", "target"), [("buy", 95, 105), ("sell", 105, 95)], ids=["of a long", "of a short"]
)
def test_exits_touched_exactly_fill(prices: Prices, side: str, stop: int, target: int) -> None:
    asked = {"1": f"bracket {side} sl={stop} tp={target}"}
    assert prices([CALM, (100.0, 105.0, 99.0, 100.0), CALM], asked) == [100.0, 105.0]
    assert prices([CALM, (100.0, 101.0, 95.0, 100.0), CALM], asked) == [100.0, 95.0]
    assert prices([CALM, (100.0, 105.0, 95.0, 100.0), CALM], asked) == [100.0, stop]
    assert prices([CALM, (100.0, 104.9999, 95.0001, 100.0), CALM], asked) == [100.0]


# --- gaps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", ["next_open", "close", "next_close"])
@pytest.mark.parametrize(
    ("side", "stop", "target"), [("buy", 95, 105), ("sell", 105, 95)], ids=["of a long", "of a short"]
)
def test_a_gap_fills_at_the_open_for_worse_and_for_better(
    prices: Prices, side: str, stop: int, target: int, fill: str
) -> None:
    asked = {"1": f"bracket {side} sl={stop} tp={target}"}
    assert prices([CALM, (110.0, 112.0, 108.0, 111.0), CALM], asked, fill) == [100.0, 110.0]
    assert prices([CALM, (90.0, 92.0, 88.0, 91.0), CALM], asked, fill) == [100.0, 90.0]


def test_a_gap_to_the_target_comes_before_the_stop_that_the_bar_meets_later(prices: Prices) -> None:
    assert prices([CALM, (106.0, 107.0, 94.0, 95.0), CALM], {"1": "bracket buy sl=95 tp=105"}) == [100.0, 106.0]
    assert prices([CALM, (94.0, 106.0, 93.0, 105.0), CALM], {"1": "bracket sell sl=105 tp=95"}) == [100.0, 94.0]


@pytest.mark.parametrize("fill", ["next_open", "close", "next_close"])
def test_entries_fill_at_a_gaps_open_too(prices: Prices, fill: str) -> None:
    up, down = (104.0, 104.0, 103.0, 103.0), (96.0, 97.0, 96.0, 97.0)
    assert prices([CALM, up], {"1": "stop buy at=102; limit sell at=102"}, fill) == [104.0, 104.0]
    assert prices([CALM, down], {"1": "stop sell at=98; limit buy at=98"}, fill) == [96.0, 96.0]


def test_an_order_that_is_marketable_when_it_arrives_fills_at_the_open(prices: Prices) -> None:
    up = (104.0, 105.0, 103.0, 103.5)
    assert prices([up], {"1": "limit buy at=108; limit sell at=101; stop buy at=102"}) == [104.0] * 3


# --- entries inside a bar ------------------------------------------------------------------------------------------


def test_the_target_of_an_entry_inside_a_bar_waits_unless_the_close_lies_beyond_it(prices: Prices) -> None:
    limit, sold = {"1": "bracket buy entry=98 sl=90 tp=102"}, {"1": "bracket sell entry=102 sl=110 tp=98"}
    both = (100.0, 103.0, 97.0, 100.0)
    assert prices([both, CALM], limit) == [98.0]
    assert prices([both, CALM], sold) == [102.0]
    assert prices([(100.0, 103.0, 97.0, 102.5), CALM], limit) == [98.0, 102.0]
    assert prices([(100.0, 103.0, 97.0, 97.5), CALM], sold) == [102.0, 98.0]
    assert prices([both, (101.0, 103.0, 101.0, 101.0)], limit) == [98.0, 102.0]


def test_the_stop_of_an_entry_inside_a_bar_meets_the_rest_of_it(prices: Prices) -> None:
    wide = (100.0, 104.0, 96.0, 100.0)
    assert prices([wide, CALM], {"1": "bracket buy entry=98 sl=97 tp=110"}) == [98.0, 97.0]
    assert prices([wide, CALM], {"1": "bracket sell entry=102 sl=103 tp=90"}) == [102.0, 103.0]


# --- orders that become limits when their trigger is met -----------------------------------------------------------

BARS_ALONE = ["next_open", "close", "next_close", "vwap"]


@pytest.mark.parametrize("fill", BARS_ALONE)
@pytest.mark.parametrize(
    ("asked", "after", "by_hand"),
    [
        ("buy at=105 limit=106", [(100.0, 110.0, 95.0, 104.0)], [105.0]),
        ("sell at=98 limit=97", [(100.0, 110.0, 90.0, 104.0)], [98.0]),
        ("buy at=105 limit=106", [(100.0, 105.0, 100.0, 100.0)], [105.0]),  # touched exactly
        ("sell at=95 limit=94", [(100.0, 100.0, 95.0, 100.0)], [95.0]),
        ("buy at=105 limit=105", [(100.0, 110.0, 100.0, 109.0)], [105.0]),
        ("buy at=105 limit=106", [(105.5, 107.0, 104.0, 106.0)], [105.5]),  # the bar opens beyond the trigger
        ("sell at=95 limit=94", [(94.5, 96.0, 93.0, 94.0)], [94.5]),
        ("buy at=105 limit=106", [(108.0, 109.0, 105.5, 107.0)], [106.0]),  # and beyond the limit, and comes back
        ("sell at=95 limit=94", [(92.0, 94.5, 91.0, 93.0)], [94.0]),
        ("buy at=105 limit=106", [(108.0, 109.0, 107.0, 108.0)], []),  # or does not
        ("sell at=95 limit=94", [(92.0, 93.0, 91.0, 92.0)], []),
    ],
)
def test_a_stop_limit_fills_where_its_trigger_is_met_or_at_its_limit(
    prices: Prices, asked: str, after: list[tuple[float, ...]], by_hand: list[float], fill: str
) -> None:
    assert prices([CALM, *after], {"1": f"stop_limit {asked}"}, fill) == by_hand


@pytest.mark.parametrize("fill", BARS_ALONE)
def test_a_stop_limit_that_waits_is_a_limit(prices: Prices, fill: str) -> None:
    sold, fell = {"1": "stop_limit sell at=95 limit=94.5"}, (100.0, 101.0, 90.0, 92.0)
    assert prices([CALM, fell], sold, fill) == []
    assert prices([CALM, fell, (92.0, 96.0, 91.0, 93.0)], sold, fill) == [94.5]
    assert prices([CALM, fell, (97.0, 98.0, 96.0, 97.0)], sold, fill) == [97.0]
    bought, rose = {"1": "stop_limit buy at=105 limit=105.5"}, (108.0, 110.0, 107.0, 109.0)
    assert prices([CALM, rose, (109.0, 109.0, 103.0, 106.0)], bought, fill) == [105.5]
    assert prices([CALM, rose, (103.0, 104.0, 102.0, 103.0)], bought, fill) == [103.0]


@pytest.mark.parametrize("fill", BARS_ALONE)
def test_a_limit_on_the_way_back_from_its_trigger_waits_unless_the_close_lies_beyond_it(
    prices: Prices, fill: str
) -> None:
    bought, sold = {"1": "stop_limit buy at=105 limit=103"}, {"1": "stop_limit sell at=95 limit=97"}
    assert prices([CALM, (100.0, 110.0, 95.0, 104.0)], bought, fill) == []
    assert prices([CALM, (100.0, 110.0, 95.0, 102.0)], bought, fill) == [103.0]
    assert prices([CALM, (100.0, 110.0, 90.0, 96.0)], sold, fill) == []
    assert prices([CALM, (100.0, 110.0, 90.0, 98.0)], sold, fill) == [97.0]


@pytest.mark.parametrize("fill", BARS_ALONE)
@pytest.mark.parametrize(
    ("asked", "bar", "by_hand"),
    [
        ("buy at=96 limit=97", (100.0, 110.0, 95.0, 104.0), [96.0]),
        ("sell at=104 limit=103", (100.0, 105.0, 95.0, 96.0), [104.0]),
        ("buy at=96 limit=97", (94.0, 95.0, 93.0, 94.0), [94.0]),
        ("sell at=104 limit=103", (106.0, 107.0, 105.0, 106.0), [106.0]),
        ("buy at=96 limit=96", (100.0, 100.0, 96.0, 100.0), [96.0]),
        ("sell at=104 limit=104", (100.0, 104.0, 100.0, 100.0), [104.0]),
        ("buy at=96 limit=97", (100.0, 101.0, 96.5, 100.0), []),
        ("sell at=104 limit=103", (100.0, 103.5, 99.0, 100.0), []),
    ],
)
def test_a_limit_if_touched_fills_at_its_trigger_or_at_a_gaps_open(
    prices: Prices, asked: str, bar: tuple[float, ...], by_hand: list[float], fill: str
) -> None:
    assert prices([CALM, bar], {"1": f"limit_if_touched {asked}"}, fill) == by_hand


@pytest.mark.parametrize("fill", BARS_ALONE)
def test_a_market_if_touched_fills_at_its_trigger_or_at_a_gaps_open(prices: Prices, fill: str) -> None:
    bought, sold = {"1": "market_if_touched buy at=96"}, {"1": "market_if_touched sell at=104"}
    assert prices([CALM, (100.0, 110.0, 95.0, 104.0)], bought, fill) == [96.0]
    assert prices([CALM, (94.0, 95.0, 93.0, 94.0)], bought, fill) == [94.0]
    assert prices([CALM, (100.0, 105.0, 90.0, 96.0)], sold, fill) == [104.0]
    assert prices([CALM, (106.0, 107.0, 105.0, 106.0)], sold, fill) == [106.0]


def test_an_order_that_finds_its_trigger_met_when_it_arrives_fills_at_the_market(prices: Prices) -> None:
    up = (104.0, 105.0, 103.0, 103.5)
    touched = "limit_if_touched sell at=101 limit=100; market_if_touched sell at=101"
    asked = f"stop_limit buy at=102 limit=106; {touched}"
    assert prices([up], {"1": asked}) == [104.0] * 3
    assert prices([up], {"2": asked}, "close") == [103.5] * 3


def test_a_stop_limit_finds_a_quarter_of_the_volume_at_each_price(prices: Prices) -> None:
    bars = [CALM, (100.0, 110.0, 95.0, 104.0), (104.0, 105.0, 103.0, 104.0)]
    assert prices(bars, {"1": "stop_limit buy at=105 limit=106 of=600"}) == [105.0, 105.0, 104.0]


@pytest.mark.parametrize("fill", BARS_ALONE)
def test_a_market_order_that_would_rest_as_a_limit_fills_whole(prices: Prices, fill: str) -> None:
    wide = (100.0, 110.0, 90.0, 100.0)
    assert prices([wide, wide], {"1": "market_to_limit buy of=600"}, fill) == [100.0]


# --- exits that are not linked -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", BARS_ALONE)
@pytest.mark.parametrize("target", ["limit", "market_if_touched", "limit_if_touched"])
@pytest.mark.parametrize(
    ("side", "exit_side", "stop", "aim"),
    [("buy", "sell", 95, 105), ("sell", "buy", 105, 95)],
    ids=["of a long", "of a short"],
)
def test_of_two_exits_that_reduce_only_the_stop_comes_first(
    prices: Prices, side: str, exit_side: str, stop: int, aim: int, target: str, fill: str
) -> None:
    exits = f"{target} {exit_side} at={aim} limit={aim} only=1; stop {exit_side} at={stop} only=1"
    asked, wide = {"1": f"market {side}", "2": exits}, (100.0, 110.0, 90.0, 100.0)
    assert prices([CALM, CALM, wide, CALM], asked, fill) == [100.0, stop]
    alone = (100.0, 106.0, 99.0, 100.0) if side == "buy" else (100.0, 101.0, 94.0, 100.0)
    assert prices([CALM, CALM, alone, CALM], asked, fill) == [100.0, aim]


def test_exits_that_a_position_suffices_for_do_not_compete(prices: Prices) -> None:
    exits = "limit sell at=105 only=1; stop sell at=95 only=1"
    wide = (100.0, 110.0, 90.0, 100.0)
    assert prices([CALM, wide], {"1": "market buy of=20", "2": exits}) == [100.0, 105.0, 95.0]


def test_exits_that_are_neither_linked_nor_reduce_only_are_orders_like_others(prices: Prices) -> None:
    asked = {"1": "market buy", "2": "limit sell at=105; stop sell at=95"}
    assert prices([CALM, (100.0, 110.0, 90.0, 100.0)], asked) == [100.0, 105.0, 95.0]


# --- stops that trail ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fill", BARS_ALONE)
@pytest.mark.parametrize(
    ("asked", "bar", "by_hand"),
    [
        ("sell at=98 by=3", (100.0, 104.0, 96.0, 101.0), [98.0]),  # the low may have come before the high
        ("buy at=102 by=3", (100.0, 104.0, 96.0, 99.0), [102.0]),
        ("sell at=98 by=3", (100.0, 104.0, 99.0, 100.0), [101.0]),  # after the high, the way to the close meets 101
        ("buy at=102 by=3", (100.0, 101.0, 96.0, 100.0), [99.0]),
        ("sell at=98 by=3", (110.0, 112.0, 100.0, 108.0), [107.0]),  # the open comes first, and moves it
        ("buy at=102 by=3", (90.0, 100.0, 88.0, 92.0), [93.0]),
        ("sell at=98 by=3", (95.0, 96.0, 94.0, 95.0), [95.0]),
        ("buy at=102 by=3", (105.0, 106.0, 104.0, 105.0), [105.0]),
        ("sell at=98 by=3", (100.0, 104.0, 99.0, 103.0), [101.0]),  # it may have been missed: against the strategy
        ("buy at=102 by=3", (100.0, 101.5, 96.0, 98.0), []),  # it may have been met at 99: for the strategy
    ],
)
def test_a_trailing_stop_gains_nothing_from_an_extreme_of_the_bar_that_meets_it(
    prices: Prices, asked: str, bar: tuple[float, ...], by_hand: list[float], fill: str
) -> None:
    assert prices([CALM, bar], {"1": f"trail {asked}"}, fill) == by_hand


def test_a_trailing_stop_keeps_what_earlier_bars_moved(prices: Prices) -> None:
    rising = [(100.0, 104.0, 103.0, 104.0), (104.0, 110.0, 100.0, 105.0)]
    assert prices([CALM, *rising], {"1": "trail sell at=98 by=3"}) == [101.0]


def test_a_trailing_stop_without_a_price_trails_from_the_open_it_arrives_at(prices: Prices) -> None:
    assert prices([CALM, (100.0, 104.0, 96.0, 101.0)], {"1": "trail sell by=3"}) == [97.0]
    assert prices([(100.0, 104.0, 96.0, 101.0)], {"1": "trail sell by=3"}) == [97.0]
    assert prices([(100.0, 104.0, 96.0, 99.0)], {"1": "trail buy by=3"}) == [103.0]


def test_a_trailing_stop_of_an_entry_inside_the_bar_is_met_no_better_than_at_the_close(prices: Prices) -> None:
    # The low that would lower the stop to 99 may have come before the entry at 102.
    sold, bar = {"1": "bracket sell entry=102 sl=105 by=3 tp=80"}, (100.0, 104.0, 96.0, 100.0)
    assert prices([bar, CALM], sold) == [102.0, 100.0]
    assert prices([(100.0, 104.0, 97.0, 99.0), CALM], {"1": "bracket buy entry=98 sl=95 by=3 tp=120"}) == [98.0]


def test_trailing_stop_limits_are_refused(prices: Prices) -> None:
    with pytest.raises(UnsafeFill, match="trailing stop-limits"):
        prices([CALM, CALM], {"1": "trail_limit sell at=95 limit=94 by=5"})
