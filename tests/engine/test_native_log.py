"""What NautilusTrader's own components log as an error ends no run, and is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

import pytest
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy
from toy_market import write_minutes

import alphapulse_lib as ap
from alphapulse_lib.errors import StrategyRaised

ELSEWHERE = InstrumentId.from_str("ELSE.XNAS")


@dataclass(frozen=True)
class AskingConfig:
    instrument_id: InstrumentId
    bar_type: BarType
    asks: int = 0
    orders: int = 0


class Asking(Strategy):
    """Buys at the first bar and sells at the fifth; at the third it asks for what is not there."""

    def __init__(self, config: AskingConfig) -> None:
        super().__init__(config)
        self._given, self._seen = config, 0

    def on_start(self) -> None:
        self.subscribe_bars(self._given.bar_type)

    def on_bar(self, bar: Bar) -> None:
        self._seen += 1
        if self._seen in (1, 5):
            self._send(self._given.instrument_id, OrderSide.BUY if self._seen == 1 else OrderSide.SELL)
        if self._seen == 3:
            for _ in range(self._given.asks):
                self.portfolio.net_exposure(ELSEWHERE, price=bar.close)
            for _ in range(self._given.orders):
                self._send(ELSEWHERE, OrderSide.BUY)

    def _send(self, instrument_id: InstrumentId, side: OrderSide) -> None:
        self.submit_order(self.order_factory.market(instrument_id, side, Quantity.from_int(1)))


def errors(log: str) -> list[str]:
    return [line for line in log.splitlines() if "[ERROR]" in line]


@pytest.mark.filterwarnings("ignore:NautilusTrader logged")
def test_an_error_of_a_component_ends_no_run() -> None:
    write_minutes("TOY")
    run = ap.backtest(Asking, "TOY", "1m", params={"asks": 2}, progress=False)
    assert run.status == "finished"
    assert run.fills["price"].tolist() == [120.0, 115.0], "the run ended at the third bar"
    assert [line.partition("portfolio: ")[2] for line in errors(run.log)] == [
        "Cannot calculate net exposure: no instrument for ELSE.XNAS"
    ] * 2
    assert [*run.warnings] == [
        "NautilusTrader logged 2 errors, the first: nautilus_portfolio::portfolio: Cannot calculate net exposure: no "
        "instrument for ELSE.XNAS. The run went on, as it does without AlphaPulse; run.log has the line."
    ]


@pytest.mark.filterwarnings("ignore:NautilusTrader logged")
def test_errors_without_end_are_counted_and_two_megabytes_of_them_are_kept() -> None:
    write_minutes("TOY")
    run = ap.backtest(Asking, "TOY", "1m", params={"asks": 20_000}, progress=False)
    assert run.fills["price"].tolist() == [120.0, 115.0]
    assert "NautilusTrader logged 20,000 errors, the first: " in run.warnings[0]
    kept = len(errors(run.log))
    assert f"... {20_000 - kept:,} more lines of NautilusTrader's are left out here ..." in run.log
    assert 1_800_000 < len(run.log) < 2_100_000


class Ringing(Asking):
    """Has a timer that calls what no line of Python of its own is run in."""

    def on_start(self) -> None:
        super().on_start()
        calls = {1: [].pop, 2: self.rings}[self._given.asks]
        self.clock.set_timer("minute", timedelta(minutes=1), callback=calls)

    def rings(self) -> None:
        raise AssertionError("it takes no event, so it is never entered")


@pytest.mark.parametrize(
    ("asks", "raised"),
    [
        (1, "TypeError: '.*TimeEvent' object cannot be interpreted"),
        (2, r"TypeError: Ringing\.rings\(\) takes 1 positional argument but 2 were given"),
    ],
)
def test_what_a_timer_calls_and_no_line_of_python_tells_of_fails_the_run(asks: int, raised: str) -> None:
    write_minutes("TOY")
    with pytest.raises(StrategyRaised, match=raised) as failed:
        ap.backtest(Ringing, "TOY", "1m", params={"asks": asks}, progress=False)
    run = ap.run(failed.value.run_id)
    assert (run.status, run.stats) == ("failed", {})
    assert "A timer's callback, called at 2020-03-02T14:3" in failed.value.traceback
    assert "Python time event callback raised exception" in run.log


class Announced(Asking):
    """Fails in a handler that NautilusTrader calls while its own `submit_order` is being done."""

    def on_order_initialized(self, event: object) -> None:
        raise LookupError("as it was made")


class Deaf(Asking):
    """Registers an indicator that cannot hear a bar."""

    def on_start(self) -> None:
        super().on_start()
        self.register_indicator_for_bars(self._given.bar_type, SimpleNamespace(initialized=True, name="deaf"))


class Signalling(Asking):
    """Sends an order while NautilusTrader hands on the signal that it published."""

    def on_start(self) -> None:
        super().on_start()
        self.subscribe_signal("go")

    def on_bar(self, bar: Bar) -> None:
        self.publish_signal("go", 1.0, bar.ts_event)

    def on_signal(self, signal: object) -> None:
        self._send(self._given.instrument_id, OrderSide.BUY)


@pytest.mark.parametrize(
    ("strategy", "raised", "traceback"),
    [
        (Announced, "LookupError: as it was made", r'in on_order_initialized\n +raise LookupError\("as it was made"\)'),
        (
            Signalling,
            r"RuntimeError: Already borrowed\. NautilusTrader takes no order .* or in the next on_bar\.",
            r"in _send\n +self\.submit_order.*\n[ ~^]+\nRuntimeError: Already borrowed$",
        ),
        (Deaf, "AttributeError: .* has no attribute 'handle_bar'", "Its indicator, called at 2020-03-02T14:31"),
    ],
)
def test_what_nautilus_alone_was_told_of_fails_the_run(strategy: type, raised: str, traceback: str) -> None:
    write_minutes("TOY")
    with pytest.raises(StrategyRaised, match=raised) as failed:
        ap.backtest(strategy, "TOY", "1m", progress=False)
    assert re.search(traceback, failed.value.traceback)
    assert "most recent call last):." not in failed.value.message
    said = ap.run(failed.value.run_id).log.splitlines()
    below = said.count("Traceback (most recent call last):")
    assert below == sum(line.endswith(" failed:") for line in said), "what lies below an error is told once"


class Echoing(Signalling):
    """Publishes what it is told of."""

    def on_signal(self, signal: object) -> None:
        self.publish_signal("go", 1.0, self.clock.timestamp_ns())


def test_a_signal_that_is_published_in_its_own_handler_is_told_as_that() -> None:
    write_minutes("TOY")
    with pytest.raises(StrategyRaised, match="RecursionError: maximum recursion depth exceeded") as failed:
        ap.backtest(Echoing, "TOY", "1m", progress=False)
    told = (
        r"^Its on_signal, called at 2020-03-02T14:31.*, was called .* inside itself, .*: it publishes what it is itself"
    )
    assert re.search(told, failed.value.traceback)


class Endless(Asking):
    """Raises a message of five megabytes."""

    def on_bar(self, bar: Bar) -> None:
        raise ValueError("first " + "x" * 5_000_000 + " last")


def test_of_an_exception_without_end_the_two_ends_are_told_and_all_of_it_is_in_the_log() -> None:
    write_minutes("TOY")
    with pytest.raises(StrategyRaised, match=r"raised ValueError: first x+ .* x+ last") as failed:
        ap.backtest(Endless, "TOY", "1m", progress=False)
    run = ap.run(failed.value.run_id)
    assert " ... 4,998,023 characters are left out here: run.log has them ... x" in run.record.error
    assert len(str(failed.value)) < 25_000
    assert len(run.record.error) + len(run.record.traceback) < 25_000
    assert re.findall("x{1000,}", run.log) == ["x" * 5_000_000]


def test_an_order_for_what_is_no_instrument_of_the_run_is_refused_and_told() -> None:
    write_minutes("TOY")
    with pytest.warns(UserWarning, match=r"2 orders were sent for ELSE\.XNAS, not among the run's instruments"):
        run = ap.backtest(Asking, "TOY", "1m", params={"orders": 2}, progress=False)
    assert run.fills["price"].tolist() == [120.0, 115.0]
    assert run.orders["symbol"].tolist() == ["TOY", "TOY"]
