"""What happens later in a window changes no fill before it: a bar without volume, a split."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from nautilus_trader.model import OrderSide, Quantity

import alphapulse_lib as ap
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.roots import Roots
from tests.resources.toy_market import MINUTE, OPEN, Planned, write_minutes

BARS, LATE = 160, 120
#: Contiguous minutes, then minutes of the next day.
CLOSES = [OPEN + MINUTE * (n + 1) + (24 * 60 * MINUTE if n >= LATE else 0) for n in range(BARS)]


class Many(Planned):
    """All kinds of orders, each way, near the market; a bar's volume is not enough for all of them."""

    def on_bar(self, bar) -> None:
        self._seen += 1
        count, price = self._seen, float(bar.close)
        side, away = (OrderSide.BUY, -1) if count % 2 else (OrderSide.SELL, 1)
        make, price_of = self.order_factory, self.cache.instrument(self._id).make_price
        near, beyond, through = (price_of(price * (1 + away * part)) for part in (0.01, -0.008, -0.01))
        asked = (self._id, side, Quantity.from_int(40))
        orders = []
        if count % 3 == 0:
            orders.append(make.limit(*asked, near))
        if count % 3 == 1:
            orders.append(make.stop_market(*asked, through))
        if count % 4 == 2:
            orders.append(make.stop_limit(*asked, through, beyond))
        if count % 5 == 0:
            orders.append(make.limit(*asked, through))
        if count % 7 == 0:
            orders.append(make.market(*asked))
        for order in orders:
            self.submit_order(order)


def market(split: float = 1.0) -> tuple[list[tuple[float, ...]], list[int]]:
    """Prices that move about one per cent a minute, and volumes of which a quarter is less than an order."""
    random = np.random.default_rng(4)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, BARS)))
    open_ = np.r_[100, close[:-1]] * np.exp(random.normal(0, 0.004, BARS))
    high = np.maximum(open_, close) * (1 + random.random(BARS) * 0.01)
    low = np.minimum(open_, close) * (1 - random.random(BARS) * 0.01)
    prices = np.c_[open_, high, low, close] / np.where(np.arange(BARS) < LATE, 1, split)[:, None]
    return [tuple(each) for each in np.round(prices, 2)], random.integers(4, 200, BARS).tolist()


def early(symbol: str, fill: str = "next_open", adjust: str = "splits") -> pd.DataFrame:
    """Fills before the bars that differ."""
    run = ap.backtest(Many, symbol, "1m", params={"plan": {}}, fill=fill, adjust=adjust, cash=1e9, progress=False)
    fills = run.fills[run.fills.ts <= pd.Timestamp(CLOSES[LATE - 1], tz="UTC")]
    assert len(fills) > 100
    assert (fills.quantity < 40).any()
    return fills[["ts", "side", "quantity", "price", "commission", "order_id"]].reset_index(drop=True)


def announce(instrument_id: str, ratio: float) -> None:
    """A split before the later bars, known from the start."""
    table = pa.table(
        {
            "instrument_id": [instrument_id],
            "kind": ["split"],
            "ex_date": [datetime.date(2020, 3, 3)],
            "ratio": [ratio],
            "amount": pa.array([None], pa.float64()),
            "available_at": pa.array([OPEN], pa.int64()).cast(pa.timestamp("ns", "UTC")),
            "source": ["toy"],
        }
    )
    actions.write(Roots.of_settings().writable, table, "toy")


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_a_later_bar_without_volume_changes_no_earlier_fill(fill: str) -> None:
    bars, volume = market()
    write_minutes("FULL", bars, volume, CLOSES)
    write_minutes("THIN", bars, [0 if n in (LATE + 1, LATE + 20) else each for n, each in enumerate(volume)], CLOSES)
    pd.testing.assert_frame_equal(early("FULL", fill), early("THIN", fill), check_exact=True)


@pytest.mark.parametrize("ratio", [1.5, 0.1])
def test_a_later_split_changes_no_earlier_fill(ratio: float) -> None:
    bars, volume = market()
    write_minutes("PLAIN", bars, volume, CLOSES)
    split = write_minutes("SPLIT", market(ratio)[0], volume, CLOSES)
    announce(split.id, ratio)
    plain = early("PLAIN")
    pd.testing.assert_frame_equal(plain, early("SPLIT"), check_exact=True)
    pd.testing.assert_frame_equal(plain, early("PLAIN", adjust="none"), check_exact=True)


def test_market_orders_after_a_fractional_split_fill_at_the_exact_price_as_traded() -> None:
    bars, volume = market(1.5)
    split = write_minutes("SPLIT", bars, volume, CLOSES)
    announce(split.id, 1.5)
    plan = {"1": 10, str(LATE + 5): -10}
    run = ap.backtest(Planned, "SPLIT", "1m", params={"plan": plan}, progress=False)
    assert run.fills.quantity.tolist() == [10.0, 15.0]
    assert run.fills.price.tolist() == pytest.approx([bars[1][0], bars[LATE + 5][0]], abs=1e-9)


def test_market_orders_fill_at_the_exact_price_after_a_split_that_puts_prices_between_ticks() -> None:
    # One share for three: in shares of the first day prices are thirds of a tick.
    bars, volume = market(1 / 3)
    split = write_minutes("SPLIT", bars, volume, CLOSES)
    announce(split.id, 1 / 3)
    plan = {"1": 30, str(LATE + 5): -30}
    run = ap.backtest(Planned, "SPLIT", "1m", params={"plan": plan}, progress=False)
    assert run.fills.quantity.tolist() == [30.0, 10.0]
    assert run.fills.price.tolist() == [bars[1][0], bars[LATE + 5][0]]
    by_hand = 100_000 - 30 * bars[1][0] + 10 * bars[LATE + 5][0]
    assert run.account.cash.iloc[-1] == pytest.approx(by_hand, abs=1e-9)
