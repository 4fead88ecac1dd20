"""What rings or stops between an order and the next price: no such order is reported as filled at an old price."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from nautilus_trader.model import Bar, BarType, ExecAlgorithmId, InstrumentId, OrderSide, Price, Quantity, TriggerType
from nautilus_trader.trading import Strategy

import alphapulse_lib as ap
from alphapulse_lib.errors import UnsafeFill
from tests.resources.toy_market import MINUTE, OPEN, write_minutes

WINDOW = ("2009-06-01", "2009-12-31")


@dataclass(frozen=True)
class WeekendConfig:
    instrument_id: InstrumentId
    bar_type: BarType
    kind: str = "market"
    rings: str = ""


class Weekend(Strategy):
    """Sends an order on every fifth bar, so often on a Friday, with a clock that rings in between or without one."""

    def __init__(self, config: WeekendConfig) -> None:
        super().__init__(config)
        self._asked, self._seen = config, 0

    def on_start(self) -> None:
        self.subscribe_bars(self._asked.bar_type)
        if self._asked.rings == "timer":
            self.clock.set_timer_ns("hour", 3600 * 10**9, None, None, lambda _: None)
        if self._asked.rings == "internal":
            week = f"{self._asked.instrument_id}-1-WEEK-LAST-INTERNAL@1-DAY-EXTERNAL"
            self.subscribe_bars(BarType.from_str(week))

    def on_bar(self, bar: Bar) -> None:
        if "INTERNAL" in str(bar.bar_type):
            return
        self._seen += 1
        if self._seen % 5:
            return
        make, traded, one = self.order_factory, self._asked.instrument_id, Quantity.from_int(1)
        if self._asked.kind == "market":
            self.submit_order(make.market(traded, OrderSide.BUY, one))
        elif self._asked.kind == "limit":  # in the market when it arrives
            self.submit_order(make.limit(traded, OrderSide.BUY, one, Price(float(bar.close) * 1.2, 2)))
        else:  # triggered when it arrives
            self.submit_order(make.stop_market(traded, OrderSide.BUY, one, Price(float(bar.close) * 0.8, 2)))


@pytest.mark.parametrize("kind", ["market", "limit", "stop"])
@pytest.mark.parametrize("rings", ["timer", "internal"])
def test_an_order_that_a_clock_settles_at_an_old_price_fails_the_proof(sample: Path, kind: str, rings: str) -> None:
    with pytest.raises(UnsafeFill, match="GOOG") as refused:
        ap.backtest(Weekend, "GOOG", "1d", *WINDOW, params={"kind": kind, "rings": rings}, progress=False)
    assert "INTERNAL bars ring clocks" in refused.value.hint
    assert ap.runs().empty, "what is refused is not recorded"


@pytest.mark.parametrize("kind", ["market", "limit", "stop"])
def test_without_a_clock_every_kind_fills_at_the_next_open(sample: Path, kind: str) -> None:
    run = ap.backtest(Weekend, "GOOG", "1d", *WINDOW, params={"kind": kind}, progress=False)
    bars = ap.bars("GOOG", "1d", *WINDOW, adjust="none")
    expected = bars["open"].iloc[5::5].tolist()
    assert run.fills["price"].tolist() == pytest.approx(expected[: len(run.fills)])
    assert len(run.fills) > 20


@dataclass(frozen=True)
class EnoughConfig:
    instrument_id: InstrumentId
    bar_type: BarType
    flatten: bool = True


class Enough(Strategy):
    """Buys on the first bar; on the third it flattens, if told to, and shuts the run down."""

    def __init__(self, config: EnoughConfig) -> None:
        super().__init__(config)
        self._asked, self._seen = config, 0

    def on_start(self) -> None:
        self.subscribe_bars(self._asked.bar_type)

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        traded = self._asked.instrument_id
        if self._seen == 1:
            self.submit_order(self.order_factory.market(traded, OrderSide.BUY, Quantity.from_int(1)))
        if self._seen == 3:
            if self._asked.flatten:
                self.close_all_positions(traded)
            self.shutdown_system("enough")


@pytest.mark.parametrize("flatten", [True, False])
@pytest.mark.parametrize("apart", [1, 2])
def test_an_order_on_its_way_when_the_strategy_shuts_down_never_filled(flatten: bool, apart: int) -> None:
    write_minutes("TOY", closes=[OPEN + apart * MINUTE * (n + 1) for n in range(6)])
    with pytest.warns(UserWarning, match="shut the run down at 2020-03-02T14:3"):
        run = ap.backtest(Enough, "TOY", "1m", params={"flatten": flatten}, progress=False)
    assert run.fills["price"].tolist() == [120.0]
    assert run.orders["status"].tolist() == (["filled", "unfilled"] if flatten else ["filled"])
    assert run.stats["end_equity"] == pytest.approx(100_000 + 115.25 - 120)


class Aside(Weekend):
    """On its third bar does what leads no order to the market, or stops; on its fifth it buys."""

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        make, traded, one = self.order_factory, self._asked.instrument_id, Quantity.from_int(1)
        above = Price(float(bar.close) * 1.001, 2)
        if self._seen == 5 or (self._seen == 2 and self._asked.kind == "leave"):
            self.submit_order(make.market(traded, OrderSide.BUY, one))
        if self._seen != 3:
            return
        if self._asked.kind == "emulated":
            last = TriggerType.LAST_PRICE
            self.submit_order(make.stop_market(traded, OrderSide.BUY, one, above, emulation_trigger=last))
        elif self._asked.kind == "emulated bracket":
            entry = make.bracket(
                traded, OrderSide.BUY, one, tp_price=above, sl_trigger_price=Price(1.0, 2),
                emulation_trigger=TriggerType.DEFAULT,
            )  # fmt: skip
            self.submit_order_list(entry)
        elif self._asked.kind == "algorithm":
            self.submit_order(make.market(traded, OrderSide.BUY, one, exec_algorithm_id=ExecAlgorithmId("TWAP")))
        elif self._asked.kind == "leave":
            self.market_exit()
        elif self._asked.kind == "stop":
            self.stop()


@pytest.mark.parametrize(
    ("how", "words", "hint"),
    [
        ("emulated", "emulation_trigger=LAST_PRICE", "Leave emulation_trigger out"),
        ("emulated bracket", "emulation_trigger=DEFAULT", "Leave emulation_trigger out"),
        ("algorithm", "exec_algorithm_id='TWAP', and a run has no execution algorithms", "Leave exec_algorithm_id out"),
        ("leave", "filled at an older price", "market_exit, which rings a clock"),
    ],
)
@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_an_order_that_nothing_brings_to_the_market_is_refused(
    sample: Path, how: str, words: str, hint: str, fill: str
) -> None:
    """Each of them was left where it was without a word, or filled once an opening trade came by."""
    with pytest.raises(UnsafeFill, match=words) as refused:
        ap.backtest(Aside, "GOOG", "1d", *WINDOW, params={"kind": how}, fill=fill, progress=False)  # type: ignore[arg-type]
    assert hint in refused.value.hint


def test_a_strategy_that_stopped_itself_says_when(sample: Path) -> None:
    with pytest.warns(UserWarning, match=r"The strategy stopped itself at 2009-06-03T20:00:00 UTC: it was told of"):
        run = ap.backtest(Aside, "GOOG", "1d", *WINDOW, params={"kind": "stop"}, progress=False)
    assert run.orders.empty
    assert len(ap.backtest(Aside, "GOOG", "1d", *WINDOW, params={"kind": ""}, progress=False).orders) == 1


class Worth(Weekend):
    """Buys on its second bar, and tells on its fifth what it holds is worth."""

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        if self._seen == 2:
            traded, one = self._asked.instrument_id, Quantity.from_int(1)
            self.submit_order(self.order_factory.market(traded, OrderSide.BUY, one))
        if self._seen == 5:
            self.log.info(f"worth {self.worth(bar)}")

    def worth(self, _: Bar) -> float:
        return self.portfolio.net_exposure(self._asked.instrument_id).as_double()


class WorthAtTheClose(Worth):
    def worth(self, bar: Bar) -> float:
        return self.portfolio.net_exposure(self._asked.instrument_id, price=bar.close).as_double()


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_what_the_portfolio_tells_at_an_open_is_warned_of(sample: Path, fill: str) -> None:
    bars = ap.bars("GOOG", "1d", *WINDOW, adjust="none")
    opened, closed = bars["open"].iloc[4], bars["close"].iloc[4]
    assert opened != closed
    asked = {"fill": fill, "progress": False}
    if fill == "next_open":
        with pytest.warns(UserWarning, match="asks NautilusTrader's portfolio for net_exposure: .* is the open of"):
            run = ap.backtest(Worth, "GOOG", "1d", *WINDOW, **asked)  # type: ignore[arg-type]
        assert f"worth {opened}\n" in run.log + "\n"
    for strategy in (WorthAtTheClose, *([Worth] if fill == "close" else [])):
        run = ap.backtest(strategy, "GOOG", "1d", *WINDOW, **asked)  # type: ignore[arg-type]
        assert f"worth {closed}\n" in run.log + "\n"
        assert not any("portfolio" in each for each in run.warnings)


@dataclass(frozen=True)
class AcrossConfig:
    instrument_ids: list[InstrumentId]
    bar_types: list[BarType]


class Across(Strategy):
    """Buys the second of its instruments as it is told of the second bar of the first."""

    def __init__(self, config: AcrossConfig) -> None:
        super().__init__()
        self._asked, self._seen = config, 0

    def on_start(self) -> None:
        self.subscribe_bars(self._asked.bar_types[0])

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        if self._seen == 2:
            other = self._asked.instrument_ids[1]
            self.submit_order(self.order_factory.market(other, OrderSide.BUY, Quantity.from_int(1)))


def test_an_order_on_the_close_of_another_instrument_seconds_apart_is_told_as_that() -> None:
    write_minutes("ONE", closes=[OPEN + MINUTE * (n + 1) - 7_000_000_000 for n in range(6)])
    write_minutes("TWO")
    with pytest.raises(UnsafeFill, match=r"at an older price: no bar of TWO closed then\.") as refused:
        ap.backtest(Across, ["ONE", "TWO"], "1m", fill="close", progress=False)
    assert refused.value.hint.startswith("Send orders for TWO when on_bar is told of a bar of TWO,")
    assert "ring" not in refused.value.hint
    run = ap.backtest(Across, ["ONE", "TWO"], "1m", fill="next_open", progress=False)
    assert run.fills["price"].tolist() == [121.0], "its next price, seven seconds later"
