"""Handlers that nobody calls: those of an earlier version, and those whose names are misspelt."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nautilus_trader.trading import Strategy

from alphapulse_lib.engine.nautilus_one import unheard


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
