"""What a strategy's code asks of NautilusTrader's portfolio, and what of that is told at an open."""

from __future__ import annotations

import pytest
from nautilus_trader.trading import Strategy

from alphapulse_lib.engine.spoken import names_of, stale_worth


class OfAll(Strategy):
    def on_bar(self, bar) -> None:
        if self.portfolio.equity(bar.bar_type.instrument_id.venue):
            self.portfolio.is_net_flat(bar.bar_type.instrument_id)


class OfOne(Strategy):
    def on_bar(self, bar) -> None:
        self.portfolio.unrealized_pnl(bar.bar_type.instrument_id)


class AtThePrice(Strategy):
    def on_bar(self, bar) -> None:
        self.portfolio.unrealized_pnl(bar.bar_type.instrument_id, price=bar.close)


class OfItsOwn(Strategy):
    """An attribute of its own that is called as one of the portfolio's is."""

    equity = 1

    def on_bar(self, bar) -> None:
        self.portfolio.is_net_flat(bar.bar_type.instrument_id)
        self.equity += 1


class Inside(Strategy):
    def on_bar(self, bar) -> None:
        [self.portfolio.net_exposure(each) for each in (bar.bar_type.instrument_id,)]

        def later() -> object:
            return self.portfolio.total_pnl(bar.bar_type.instrument_id)

        later()


@pytest.mark.parametrize(
    ("strategy", "asked"),
    [
        (OfAll, "equity"),
        (OfOne, "unrealized_pnl"),
        (Inside, "total_pnl, net_exposure"),
        (OfItsOwn, ""),
        (AtThePrice, ""),
    ],
)
def test_what_is_told_at_the_bar_s_open_is_named(strategy: type, asked: str) -> None:
    told = stale_worth(strategy, "next_open")
    assert [each.partition(":")[0] for each in told] == (
        [f"It asks NautilusTrader's portfolio for {asked}"] if asked else []
    )
    for fill in ("close", "next_close", "vwap", "ticks"):
        assert stale_worth(strategy, fill) == []  # type: ignore[arg-type]


def test_names_are_those_of_the_classes_alone_where_nothing_stands_beside() -> None:
    assert names_of(Strategy) == set()
