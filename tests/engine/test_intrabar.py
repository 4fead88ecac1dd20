"""Stops and limits inside bars, by hand: a gap fills at the open, and of two that are touched the worse comes first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, OrderType, Price, Quantity
from nautilus_trader.trading import Strategy

from alphapulse_lib.catalog import schemas
from alphapulse_lib.catalog.decimals import to_decimals
from alphapulse_lib.engine.feed import Feed
from alphapulse_lib.engine.harvest import harvest
from alphapulse_lib.engine.nautilus import build_engine
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
    """Sends the orders that its script names: ``limit``, ``stop``, ``bracket`` ones, ``of`` ten shares unless told."""

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
        at = {name: Price(float(text), 4) for name, text in said.items()}
        common = self._asked.instrument_id, getattr(OrderSide, side.upper()), quantity
        make = self.order_factory
        if kind == "bracket":
            entered = {"entry_order_type": OrderType.LIMIT, "entry_price": at["entry"]} if "entry" in at else {}
            self.submit_order_list(make.bracket(*common, sl_trigger_price=at["sl"], tp_price=at["tp"], **entered))
        elif kind == "limit":
            self.submit_order(make.limit(*common, at["at"]))
        else:
            self.submit_order(make.stop_market(*common, at["at"]))


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
        feed = Feed(toy, Period(1, "m"), table, np.ones(len(ts)), 4, "team")
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
        fills: list[float] = harvest(loaded, spec, {toy.id: "TOY"})["fills"]["price"].to_pylist()
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
