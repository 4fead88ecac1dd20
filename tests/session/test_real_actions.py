"""Positions held over real splits and dividends, long and short, against a hand computation on as-traded prices.

MSFT in February 2003, as traded (open, close): 12th 46.55 46.44; 13th 46.41 46.99; 14th 47.25 48.30; 18th 24.62 24.96,
two for one; 19th 24.82 24.53, ex a dividend of 0.08; 20th 24.77 24.14; 21st 24.29 24.63; 24th 24.44 24.07.
IBM in November 2012: 5th 192.36 194.14; 6th 195.26 195.07; 7th 193.36 191.16, ex a dividend of 0.85; 8th 191.40 190.10;
9th 189.85 189.64.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import alphapulse_lib as ap
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import close_of, open_of
from alphapulse_lib.settings import PROJECT
from tests.resources.toy_market import Planned, write

CENT = 0.005


def traded(symbol: str, start: str, end: str, plan: dict[str, int], **more: Any) -> Any:
    return ap.backtest(Planned, symbol, "1d", start, end, params={"plan": plan}, progress=False, **more)


def cents(values: Any) -> list[float]:
    """What is said of money to the cent, and that no more of it is there than rounding."""
    told = [round(float(each), 2) for each in values]
    assert list(values) == pytest.approx(told, abs=1e-6)
    return told


def test_a_long_over_a_real_split_and_dividend(sample: Path) -> None:
    run = traded("MSFT", "2003-02-12", "2003-02-24", {"1": 100, "6": -100})
    # Bought 100 at 46.41, the open of the 13th:      cash 100,000.00 - 4,641.00 = 95,359.00
    # The 18th: they are 200. The 19th: 200 x 0.08 = 16.00, cash 95,375.00.
    # Sold the 200 at 24.29, the open of the 21st:    cash  95,375.00 + 4,858.00 = 100,233.00
    assert run.fills.side.tolist() == ["buy", "sell"]
    assert run.fills.quantity.tolist() == [100.0, 200.0]
    assert run.fills.price.tolist() == [46.41, 24.29]
    assert cents(run.cash_flows.amount) == [16.00]
    assert cents(run.account.cash) == [100_000.00, *[95_359.00] * 3, *[95_375.00] * 2, *[100_233.00] * 2]
    # Of the 13th 100 x 46.99 = 4,699.00; 14th 100 x 48.30 = 4,830.00; 18th 200 x 24.96 = 4,992.00; 19th 200 x 24.53 =
    # 4,906.00; 20th 200 x 24.14 = 4,828.00.
    by_hand = [100_000.00, 100_058.00, 100_189.00, 100_351.00, 100_281.00, 100_203.00, 100_233.00, 100_233.00]
    assert cents(run.equity) == by_hand


def test_a_short_over_a_real_split_and_dividend(sample: Path) -> None:
    run = traded("MSFT", "2003-02-12", "2003-02-24", {"1": -100, "6": 100})
    # Sold 100 at 46.41: cash 104,641.00. Charged 200 x 0.08 = 16.00 on the 19th: 104,625.00. Bought 200 at 24.29 on the
    # 21st: 104,625.00 - 4,858.00 = 99,767.00.
    assert run.fills.quantity.tolist() == [100.0, 200.0]
    assert cents(run.cash_flows.amount) == [-16.00]
    assert cents(run.account.cash) == [100_000.00, *[104_641.00] * 3, *[104_625.00] * 2, *[99_767.00] * 2]
    by_hand = [100_000.00, 99_942.00, 99_811.00, 99_649.00, 99_719.00, 99_797.00, 99_767.00, 99_767.00]
    assert cents(run.equity) == by_hand


def test_what_is_held_after_a_real_split_is_reported_as_traded(sample: Path) -> None:
    held = traded("MSFT", "2003-02-12", "2003-02-20", {"1": 100}).positions.iloc[0]
    # 200 shares that cost 4,641.00, 23.205 each; worth 200 x 24.14 = 4,828.00, which is 187.00 more.
    assert (held["side"], held["quantity"], held["last_price"]) == ("long", 200.0, 24.14)
    assert held["average_price"] == pytest.approx(23.205, abs=1e-9)
    assert cents([held["value"], held["unrealized_pnl"]]) == [4_828.00, 187.00]


@pytest.mark.parametrize("side", [1, -1])
def test_a_real_dividend_is_paid_to_longs_and_charged_to_shorts(sample: Path, side: int) -> None:
    run = traded("IBM", "2012-11-05", "2012-11-09", {"1": 100 * side, "4": -100 * side}, cash=50_000)
    # 100 at 195.26 the 6th: 19,526.00. Ex-date the 7th: 100 x 0.85 = 85.00. 100 at 189.85 the 9th: 18,985.00.
    # Long: 50,000.00 - 19,526.00 + 85.00 + 18,985.00 = 49,544.00; short: 50,456.00.
    made = [0.00, -19.00, -325.00, -431.00, -456.00]  # 19,507.00 - 19,526.00; 19,116.00 + 85.00 - 19,526.00; ...
    assert cents(run.cash_flows.amount) == [side * 85.00]
    assert cents(run.equity) == [50_000.00 + side * each for each in made]


#: Beside the project, on machines that have it: 200 names with their splits, as traded.
TWO_HUNDRED = PROJECT.parent / "shared" / "data" / "daily" / "sp500_raw_adj_1999_2021_200.parquet"


@pytest.mark.siege
@pytest.mark.skipif(not TWO_HUNDRED.exists(), reason="needs ../shared/data")
def test_every_odd_real_split_of_two_hundred_names_is_held_over_to_the_cent() -> None:
    frame = pd.read_parquet(TWO_HUNDRED)
    frame["day"] = pd.to_datetime(frame["date"]).dt.strftime("%Y-%m-%d")
    odd = frame[(frame["split_coefficient"] != 1) & ~frame["split_coefficient"].isin([2.0, 3.0, 4.0, 5.0])]
    tried = 0
    for number, (at, row) in enumerate(odd.iterrows()):
        part = frame.loc[at - 6 : at + 6]
        part = part[part["symbol"] == row["symbol"]]
        if len(part) < 13 or (part["split_coefficient"] != 1).sum() > 1:
            continue
        # A name of its own for each: some split twice.
        bars = [tuple(each) for each in part[["open", "high", "low", "close"]].to_numpy(float).tolist()]
        days = part["day"].to_numpy("datetime64[D]")
        toy = write(f"ODD{number}", "1d", [int(each) for each in close_of("XNAS", days)], bars, 1e6)
        act = {"instrument_id": [toy.id], "kind": ["split"], "ex_date": [date.fromisoformat(row["day"])]}
        act |= {"ratio": [float(row["split_coefficient"])], "source": ["x"]}
        known = open_of("XNAS", np.array([row["day"]], "datetime64[D]"))
        actions.write(Roots.of_settings().writable, pa.table(act | {"available_at": known}), "x")
        run = traded(f"ODD{number}", *days[[0, -1]].astype(str), {"2": 3000, "9": -3000}, cash=1e7, dividends=False)
        became = 3000 * float(row["split_coefficient"])
        bought, sold = 3000 * bars[2][0], became * bars[9][0]
        assert run.fills.price.tolist() == [bars[2][0], bars[9][0]], row["symbol"]
        assert run.fills.quantity.tolist() == pytest.approx([3000, became], rel=1e-12)
        held = [1e7 - bought + 3000 * (row["split_coefficient"] if n >= 6 else 1) * bars[n][3] for n in range(2, 9)]
        by_hand = [1e7, 1e7, *held, *[1e7 - bought + sold] * 4]
        assert run.equity.tolist() == pytest.approx(by_hand, abs=CENT), row["symbol"]
        tried += 1
    assert tried > 30
