"""Round trips by hand, against backtesting.py, and against the account."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from small_runs import fills, marks, rising

from alphapulse_lib.results.equity import equity_curve
from alphapulse_lib.results.trades import round_trips

FLAT = marks(("2024-01-31 16:00", "GOOG", 100))


def trips(*rows: tuple, at: object = FLAT) -> list[dict]:
    return round_trips(fills(*rows), at).to_pylist()


def buy(day: int, quantity: float, price: float, commission: float = 0, symbol: str = "GOOG") -> tuple:
    return (f"2024-01-{day:02d} 09:30", symbol, "buy", quantity, price, commission)


def sell(day: int, quantity: float, price: float, commission: float = 0, symbol: str = "GOOG") -> tuple:
    return (f"2024-01-{day:02d} 09:30", symbol, "sell", quantity, price, commission)


def test_a_long_trade_is_net_of_both_commissions() -> None:
    (row,) = trips(buy(2, 10, 100, 1), sell(3, 10, 110, 2))
    assert (row["side"], row["quantity"], row["entry_price"], row["exit_price"]) == ("long", 10, 100, 110)
    assert (row["commission"], row["pnl"]) == (3, 97)
    assert row["return"] == pytest.approx(97 / 1_000)
    assert row["entry_ts"] == pd.Timestamp("2024-01-02 14:30", tz="UTC")
    assert row["exit_ts"] == pd.Timestamp("2024-01-03 14:30", tz="UTC")


def test_a_short_trade_gains_when_the_price_falls() -> None:
    (row,) = trips(sell(2, 10, 100, 1), buy(3, 10, 90, 1))
    assert (row["side"], row["pnl"]) == ("short", 98)


def test_a_partial_exit_is_a_round_trip_of_its_own() -> None:
    rows = trips(buy(2, 10, 100, 2), sell(3, 4, 110, 1), sell(4, 6, 90, 1))
    assert [row["quantity"] for row in rows] == [4, 6]
    assert [row["pnl"] for row in rows] == pytest.approx([40 - 0.8 - 1, -60 - 1.2 - 1])


def test_lots_leave_in_the_order_in_which_they_came() -> None:
    rows = trips(buy(2, 10, 100), buy(3, 10, 120), sell(4, 15, 130))
    assert [(row["quantity"], row["entry_price"], row["pnl"]) for row in rows] == [(10, 100, 300), (5, 120, 50)]


def test_a_reversal_ends_one_trade_and_begins_the_next() -> None:
    rows = trips(buy(2, 10, 100, 1), sell(3, 20, 110, 2), buy(4, 10, 105, 1))
    assert [(row["side"], row["pnl"]) for row in rows] == [("long", 100 - 1 - 1), ("short", 50 - 1 - 1)]


def test_what_is_still_held_is_no_round_trip() -> None:
    assert trips(buy(2, 10, 100)) == []
    assert len(trips(buy(2, 10, 100), sell(3, 4, 100))) == 1


def test_names_do_not_mix() -> None:
    rows = trips(buy(2, 1, 10, symbol="A"), sell(3, 1, 20, symbol="B"), sell(4, 1, 12, symbol="A"))
    assert [(row["symbol"], row["pnl"]) for row in rows] == [("A", 2)]


def test_a_split_between_entry_and_exit() -> None:
    split = marks(("2024-01-02 16:00", "GOOG", 100, 1), ("2024-01-03 16:00", "GOOG", 52, 2))
    (row,) = trips(buy(2, 10, 100), sell(3, 20, 55), at=split)
    assert (row["quantity"], row["entry_price"], row["exit_price"], row["ratio"]) == (10, 100, 55, 2)
    assert row["pnl"] == 20 * 55 - 10 * 100


def test_no_fill_no_trade() -> None:
    assert trips() == []
    assert round_trips(fills(), FLAT).schema.names[:2] == ["symbol", "side"]


def test_agrees_with_backtesting_py() -> None:
    """An average cross that reverses, fills at the next open, on another engine."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from backtesting import Backtest, Strategy
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.02, 600)))
    days = pd.bdate_range("2024-01-02", periods=600)
    frame = pd.DataFrame({"Open": closes * 1.001, "High": closes * 1.02, "Low": closes * 0.98, "Close": closes}, days)

    class Cross(Strategy):
        def init(self) -> None:
            for length in (5, 15):
                setattr(
                    self, f"mean_{length}", self.I(lambda values, n=length: pd.Series(values).rolling(n).mean(), closes)
                )

        def next(self) -> None:
            wanted = 10 if self.mean_5[-1] > self.mean_15[-1] else -10
            if self.position.size != wanted:
                (self.buy if wanted > 0 else self.sell)(size=abs(wanted - self.position.size))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = Backtest(frame, Cross, cash=1e6, commission=0).run()["_trades"]
    wanted = np.sign(pd.Series(closes).rolling(5).mean() - pd.Series(closes).rolling(15).mean()) * 10
    rows, held = [], 0.0
    for at in range(15, 599):
        if wanted[at] != held:
            change, held = wanted[at] - held, wanted[at]
            side = "buy" if change > 0 else "sell"
            rows.append((f"{days[at + 1]:%Y-%m-%d} 09:30", "GOOG", side, abs(change), closes[at + 1] * 1.001, 0.0))
    ours = round_trips(fills(*rows), rising(closes)).to_pandas()
    theirs = theirs[theirs["ExitBar"] < 599].sort_values("ExitBar")
    assert len(ours) > 20
    assert ours["pnl"].to_numpy() == pytest.approx(theirs["PnL"].to_numpy(), abs=1e-6)
    assert ours["entry_price"].to_numpy() == pytest.approx(theirs["EntryPrice"].to_numpy())


@settings(max_examples=60, deadline=None)
@given(
    some.lists(
        some.tuples(some.sampled_from(["buy", "sell"]), some.integers(1, 50), some.integers(50, 150)),
        min_size=1,
        max_size=25,
    )
)
def test_all_results_together_are_what_the_account_made(drawn: list[tuple[str, int, int]]) -> None:
    rows = [(f"2024-01-{day + 1:02d} 09:30", "GOOG", side, n, price, 0.5) for day, (side, n, price) in enumerate(drawn)]
    net = sum(n if side == "buy" else -n for side, n, _ in drawn)
    if net:
        # Close what is left, so that everything is a round trip.
        rows.append(("2024-01-30 09:30", "GOOG", "sell" if net > 0 else "buy", abs(net), 77, 0.5))
    made = equity_curve(fills(*rows), FLAT, 0.0).iloc[-1]
    assert sum(row["pnl"] for row in trips(*rows)) == pytest.approx(made)
