"""Many random strategies over noise: the best of them looks well, and the sweep says that it is worth nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from distributed import LocalCluster
from nautilus_trader.model import Bar, BarType, InstrumentId, OrderSide, Quantity
from nautilus_trader.trading import Strategy

import alphapulse_lib as ap
from alphapulse_lib.catalog.sessions import sessions
from tests.resources.toy_market import write


@dataclass(frozen=True)
class CoinConfig:
    """``coin``: the seed of its tosses."""

    instrument_id: InstrumentId
    bar_type: BarType
    coin: int


class Coin(Strategy):
    """Tosses a coin at each close: to be long or short of a hundred shares until the next."""

    def __init__(self, config: CoinConfig) -> None:
        super().__init__(config)
        self._id, self._bars, self._tosses = config.instrument_id, config.bar_type, random.Random(config.coin)
        self._held = 0

    def on_start(self) -> None:
        self.subscribe_bars(self._bars)

    def on_bar(self, bar: Bar) -> None:
        wanted = self._tosses.choice((-100, 100))
        if change := wanted - self._held:
            side = OrderSide.BUY if change > 0 else OrderSide.SELL
            self.submit_order(self.order_factory.market(self._id, side, Quantity.from_int(abs(change))))
        self._held = wanted


def write_noise(first: str, last: str) -> None:
    """Closes whose changes are independent of one another and have no drift; each bar opens at the close before."""
    known = sessions("XNAS")
    closes = known.closes[(known.days >= np.datetime64(first)) & (known.days < np.datetime64(last))]
    path = np.round(100 * np.exp(np.cumsum(np.random.default_rng(7).normal(0, 0.01, len(closes) + 1))), 2)
    bars = [(before, max(before, after), min(before, after), after) for before, after in pairwise(path)]
    write("NOISE", "1d", closes.tolist(), bars, volume=1e6)


@pytest.mark.parametrize(
    ("coins", "last"),
    [(40, "2012-01-01"), pytest.param(200, "2018-01-01", marks=[pytest.mark.siege, pytest.mark.timeout(1800)])],
)
def test_the_best_of_many_coins_is_told_to_be_luck(shared: LocalCluster, coins: int, last: str) -> None:
    write_noise("2010-01-01", last)
    swept = ap.sweep(Coin, "NOISE", "1d", grid={"coin": range(coins)}, progress=False)
    told = swept.deflated
    print(  # noqa: T201  the long proof's figures are what it is run for
        f"{coins} coins: the best Sharpe ratio {swept.best.stats['sharpe']:.2f}, probabilistic "
        f"{swept.best.stats['probabilistic_sharpe']:.3f}, deflated {told['deflated_sharpe']:.3f}, PBO {swept.pbo:.3f}"
    )
    assert told["trials"] == coins
    assert swept.best.stats["probabilistic_sharpe"] > 0.95  # alone it would be believed
    assert told["deflated_sharpe"] < 0.95
    assert 0.25 < swept.pbo < 0.75
