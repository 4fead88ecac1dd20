"""The account, worked out by hand."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest
from small_runs import CLOSES, fills, marks, moment, raw

from alphapulse_lib.results.equity import account, benchmark_curve, by_symbol, equity_curve, fill_ratios


def test_one_name_bought_and_half_sold() -> None:
    result = raw()
    table = account(result.fills, result.marks, 10_000).to_pydict()
    # Bought 100 at 101 plus 1 on the second day; sold 50 at 106 less 0.5 on the fifth.
    spent, back = 100 * 101 + 1, 50 * 106 - 0.5
    cash = [10_000, *[10_000 - spent] * 3, *[10_000 - spent + back] * 5]
    held = [0, 100, 100, 100, 50, 50, 50, 50, 50]
    assert table["cash"] == pytest.approx(cash)
    assert table["exposure"] == pytest.approx([units * close for units, close in zip(held, CLOSES, strict=True)])
    assert table["equity"] == pytest.approx([c + u * p for c, u, p in zip(cash, held, CLOSES, strict=True)])


def test_the_curve_is_a_series_of_utc_times() -> None:
    curve = equity_curve(raw().fills, raw().marks, 10_000)
    assert curve.name == "equity"
    assert curve.index[0] == pd.Timestamp("2024-01-02 21:00", tz="UTC")
    assert curve.index.name == "ts"


def test_a_short_sale_gains_when_the_price_falls() -> None:
    sold = fills(("2024-01-02 16:00", "GOOG", "sell", 10, 100, 0))
    curve = equity_curve(sold, marks(("2024-01-02 16:00", "GOOG", 100), ("2024-01-03 16:00", "GOOG", 90)), 1_000)
    assert curve.tolist() == [1_000, 1_100]


def test_a_fill_at_the_close_counts_at_that_close() -> None:
    bought = fills(("2024-01-03 16:00", "GOOG", "buy", 1, 102, 2))
    assert equity_curve(bought, raw().marks, 500).iloc[:3].tolist() == [500, 498, 497]


def test_a_split_moves_no_money() -> None:
    # 2:1 before the third day's open: the holding doubles and the price halves.
    bought = fills(("2024-01-03 09:30", "AAPL", "buy", 10, 100, 0), ("2024-01-04 09:30", "AAPL", "sell", 5, 51, 0))
    after = marks(
        ("2024-01-02 16:00", "AAPL", 100, 1), ("2024-01-03 16:00", "AAPL", 102, 1), ("2024-01-04 16:00", "AAPL", 52, 2)
    )
    table = account(bought, after, 1_000).to_pydict()
    assert table["equity"] == [1_000, 1_020, 0 + 5 * 51 + 15 * 52]
    assert fill_ratios(bought, after).tolist() == [1, 2]


def test_a_reverse_split_moves_no_money_either() -> None:
    bought = fills(("2024-01-02 09:30", "C", "buy", 100, 4, 0))
    after = marks(("2024-01-02 16:00", "C", 4, 1), ("2024-01-03 16:00", "C", 41, 0.1))
    assert equity_curve(bought, after, 400).tolist() == pytest.approx([400, 410])


def test_names_with_different_times_keep_their_last_marks() -> None:
    bought = fills(("2024-01-02 16:00", "A", "buy", 1, 10, 0), ("2024-01-03 16:00", "B", "buy", 2, 20, 0))
    both = marks(
        ("2024-01-02 16:00", "A", 10),
        ("2024-01-04 16:00", "A", 13),
        ("2024-01-03 16:00", "B", 20),
        ("2024-01-05 16:00", "B", 25),
    )
    assert equity_curve(bought, both, 100).tolist() == [100, 100, 103, 113]


def test_a_fill_after_the_last_mark_counts_at_the_last_mark() -> None:
    late = fills(("2024-02-01 09:30", "GOOG", "buy", 1, 100, 5))
    assert equity_curve(late, raw().marks, 500).iloc[-1] == 500 - 105 + CLOSES[-1]


def test_nothing_traded_is_flat() -> None:
    assert equity_curve(fills(), raw().marks, 123).tolist() == [123] * 9


def test_without_marks_there_is_no_curve() -> None:
    assert account(raw().fills, raw().marks.slice(0, 0), 100).num_rows == 0
    assert benchmark_curve(raw().marks.slice(0, 0), 100).num_rows == 0


def test_a_position_that_is_flat_again_leaves_no_dust() -> None:
    trades = fills(*(("2024-01-03 09:30", "GOOG", side, 0.1, 100, 0) for side in ["buy"] * 3 + ["sell"] * 3))
    assert account(trades, raw().marks, 100)["exposure"].to_pylist() == [0] * 9


def test_buy_and_hold_of_two_names_in_equal_parts() -> None:
    both = marks(
        ("2024-01-02 16:00", "A", 10),
        ("2024-01-03 16:00", "A", 15),
        ("2024-01-02 16:00", "B", 50),
        ("2024-01-03 16:00", "B", 40),
    )
    assert benchmark_curve(both, 1_000)["equity"].to_pylist() == [1_000, 500 * 1.5 + 500 * 0.8]


def test_buy_and_hold_keeps_cash_for_a_name_that_starts_later() -> None:
    both = marks(("2024-01-02 16:00", "A", 10), ("2024-01-03 16:00", "A", 20), ("2024-01-03 16:00", "B", 7))
    assert benchmark_curve(both, 100)["equity"].to_pylist() == [100, 150]


def test_buy_and_hold_goes_through_a_split() -> None:
    split = marks(("2024-01-02 16:00", "A", 100, 1), ("2024-01-03 16:00", "A", 55, 2))
    assert benchmark_curve(split, 1_000)["equity"].to_pylist() == pytest.approx([1_000, 1_100])


def test_times_are_nanoseconds() -> None:
    assert account(fills(), raw().marks, 1)["ts"].cast("int64")[0].as_py() == moment("2024-01-02 16:00")


def test_rows_that_were_chosen_are_of_the_symbols_they_have_and_of_no_other() -> None:
    names = pa.array([*(f"N{n}" for n in range(200)), None, "N7"]).dictionary_encode()
    table = pa.table({"symbol": names, "row": range(202)})
    assert list(by_symbol(table)) == [f"N{n}" for n in range(200)]
    # All 200 names are in the dictionary still: to look for each is quadratic where each one's rows are looked at.
    found = by_symbol(table.slice(198))
    assert {symbol: rows["row"].to_pylist() for symbol, rows in found.items()} == {
        "N198": [198], "N199": [199], "N7": [201]
    }  # fmt: skip
    assert by_symbol(table.slice(7, 1))["N7"].equals(table.slice(7, 1))
    assert by_symbol(table.slice(200, 1)) == {}


def test_rows_that_lie_mixed_are_told_by_symbol_in_their_order() -> None:
    mixed = pa.table({"symbol": ["B", "A", None, "B", "A", "C"], "x": range(6)})
    told = {name: rows["x"].to_pylist() for name, rows in by_symbol(mixed).items()}
    assert list(told.items()) == [("B", [0, 3]), ("A", [1, 4]), ("C", [5])]
    without = mixed.filter(pa.array([True, False, True, True, False, True]))
    assert {name: rows["x"].to_pylist() for name, rows in by_symbol(without).items()} == {"B": [0, 3], "C": [5]}
