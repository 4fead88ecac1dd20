"""What an earlier version had: names of its objects, and handlers, which nobody calls any more."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module

import pytest
from nautilus_trader.common import Cache, Clock
from nautilus_trader.trading import Strategy
from toy_market import write_minutes

import alphapulse_lib as ap
from alphapulse_lib.engine.nautilus_one import _WRITTEN, advice, unheard
from alphapulse_lib.errors import StrategyRaised


class Listens(Strategy):
    def on_bar(self, bar) -> None: ...

    def on_event(self, event) -> None: ...

    def on_order_filed(self, event) -> None: ...


def test_a_handler_that_nobody_calls_is_named_with_the_one_that_is_called() -> None:
    assert unheard(Listens) == [
        "Listens.on_event is no handler of NautilusTrader 2, and nothing of the strategy calls it: "
        "it is on_order_event and on_position_event now.",
        "Listens.on_order_filed is no handler of NautilusTrader 2, and nothing of the strategy calls it. "
        "Did you mean on_order_filled or on_order_denied or on_order_fill_voided?",
    ]


def test_one_of_a_base_class_is_found_and_one_of_nautilus_trader_s_own_is_not() -> None:
    class Inherits(Listens): ...

    assert [line.split()[0] for line in unheard(Inherits)] == ["Inherits.on_event", "Inherits.on_order_filed"]
    assert unheard(Strategy) == []


class Calls(Strategy):
    def on_start(self) -> None:
        self.clock.set_timer_ns("once", 10**15, callback=self.on_timer)

    def on_timer(self, event) -> None:
        self.on_month()

    def on_month(self) -> None: ...


class CallsByName(Strategy):
    def on_bar(self, bar) -> None:
        getattr(self, "on_up" if bar.close > bar.open else "on_down")()

    def on_up(self) -> None: ...

    def on_down(self) -> None: ...


class CallsInside(Strategy):
    def on_bar(self, bar) -> None:
        def later() -> Callable[[], None]:
            return lambda: self.on_later()

        later()()

    def on_later(self) -> None: ...


class CalledBeside(Strategy):
    def on_beside(self) -> None: ...

    def on_helped(self) -> None: ...

    def on_property(self) -> None: ...

    @property
    def now(self) -> None:
        return self.on_property()


def beside(strategy: CalledBeside) -> None:
    strategy.on_beside()


class Helper:
    def help(self, strategy: CalledBeside) -> None:
        strategy.on_helped()


@pytest.mark.parametrize("strategy", [Calls, CallsByName, CallsInside, CalledBeside])
def test_what_the_strategy_calls_itself_is_its_own(strategy: type) -> None:
    assert unheard(strategy) == []


class Asks(Strategy):
    def on_start(self) -> None:
        self.portfolio.is_flat(None)


def test_a_run_that_asks_what_version_1_had_is_told_what_to_write() -> None:
    write_minutes("TOY")
    now = r"has no attribute 'is_flat'\. In NautilusTrader 2 that is is_net_flat\(instrument_id\)\.$"
    with pytest.raises(StrategyRaised, match=now.removesuffix("$")) as failed:
        ap.backtest(Asks, "TOY", "1m", progress=False)
    assert re.search(now, failed.value.message)


class Own:
    """What a strategy's owner wrote."""


@pytest.mark.parametrize(
    ("asked", "name", "now"),
    [
        (Cache(), "quote_tick", "quote(instrument_id)"),
        (Clock.new_test(), "local_now", "utc_now().astimezone(tz)"),
        (Listens(), "id", "strategy_id"),
        (Listens(), "msgbus", "publish_message(topic, message) and subscribe_topic(topic, handler)"),
        (Listens(), "is_flat", ""),
        (Cache(), "qoute", ""),
        (Own(), "is_flat", ""),
        (None, "is_flat", ""),
    ],
)
def test_an_attribute_of_version_1_is_told_of_those_that_had_it(asked: object, name: str, now: str) -> None:
    with pytest.raises(AttributeError) as raised:
        getattr(asked, name)
    assert advice(raised.value, "") == (f"In NautilusTrader 2 that is {now}." if now else "")


@pytest.mark.parametrize(("old", "now"), _WRITTEN)
def test_what_is_told_is_there(old: str, now: str) -> None:
    packages = [import_module(f"nautilus_trader.{each}") for each in ("model", "common", "portfolio", "trading")]
    kinds = [each for package in packages for each in vars(package).values() if isinstance(each, type)]
    names = re.findall(r"(?:^| and )(\w+)", now)
    assert any(all(hasattr(kind, each) for each in names) and not hasattr(kind, old) for kind in kinds)
