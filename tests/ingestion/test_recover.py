"""Splits and dividends recovered from closes, against published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alphapulse_lib.ingestion.recover import Action, recover

PROJECT = Path(__file__).parents[2]
FIVE = PROJECT / "catalog" / "sample" / "us5_daily.csv.gz"
TWO_HUNDRED = PROJECT.parent / "shared" / "data" / "daily" / "sp500_raw_adj_1999_2021_200.parquet"


@pytest.fixture(scope="module")
def five() -> pd.DataFrame:
    return pd.read_csv(FIVE)


def of(frame: pd.DataFrame, symbol: str, kind: str) -> dict[str, float]:
    rows = frame[frame.symbol == symbol]
    found = recover(rows.close.to_numpy(), rows.adj_close.to_numpy())
    return {rows.date.iloc[each.row]: each.value for each in found if each.kind == kind}


@pytest.mark.parametrize(
    ("symbol", "splits"),
    [
        ("AAPL", {"2000-06-21": 2.0, "2005-02-28": 2.0}),
        ("MSFT", {"2003-02-18": 2.0}),
        ("IBM", {}),
        ("GOOG", {}),
        ("FB", {}),
    ],
)
def test_published_splits(five: pd.DataFrame, symbol: str, splits: dict[str, float]) -> None:
    assert of(five, symbol, "split") == splits


def test_published_dividends(five: pd.DataFrame) -> None:
    """From the companies' investor pages: Apple's first since 1995; Microsoft's first, and the 3 dollars of 2004."""
    assert of(five, "AAPL", "dividend") == {"2012-08-09": 2.65, "2012-11-07": 2.65, "2013-02-07": 2.65}
    microsoft = of(five, "MSFT", "dividend")
    assert {day: microsoft[day] for day in ("2003-02-19", "2003-10-15", "2004-11-15", "2012-11-13")} == {
        "2003-02-19": 0.08,
        "2003-10-15": 0.16,
        "2004-11-15": 3.08,
        "2012-11-13": 0.23,
    }
    ibm = of(five, "IBM", "dividend")
    assert len(ibm) == 52
    assert (ibm["2000-05-08"], ibm["2008-05-07"], ibm["2013-02-06"]) == (0.13, 0.50, 0.85)


def adjusted_by_the_close_before(
    close: np.ndarray, dividends: dict[int, float], splits: dict[int, float]
) -> np.ndarray:
    """The rule of CRSP and Yahoo, written out day by day."""
    factor, made = 1.0, close.copy()
    for day in range(len(close) - 1, -1, -1):
        made[day] = close[day] * factor
        ratio = splits.get(day, 1.0)
        if day:
            factor *= (1 - dividends.get(day, 0.0) / (close[day - 1] / ratio)) / ratio
    return made


def test_the_rule_of_the_close_before() -> None:
    close = np.array([100.0, 101, 102, 51.5, 52, 53, 52.5, 26, 26.5, 27])
    close[7:] = [26.1, 26.4, 26.9]
    adjusted = adjusted_by_the_close_before(close, {2: 0.37, 5: 0.185}, {3: 2.0, 7: 2.0})
    found = recover(close, adjusted)
    assert [(each.row, each.kind, each.value) for each in found] == [
        (2, "dividend", 0.37),
        (3, "split", 2.0),
        (5, "dividend", 0.185),
        (7, "split", 2.0),
    ]


def test_a_split_and_a_dividend_on_one_day() -> None:
    close = np.array([100.0, 101, 50.2, 50.5])
    adjusted = adjusted_by_the_close_before(close, {2: 0.25}, {2: 2.0})
    assert [(each.kind, each.value) for each in recover(close, adjusted)] == [("dividend", 0.25), ("split", 2.0)]


def test_a_reverse_split() -> None:
    close = np.array([2.0, 2.1, 20.8, 21.0])
    assert recover(close, close * np.array([10, 10, 1, 1])) == [Action(2, "split", 0.1, 0.0)]


def test_a_large_dividend_is_no_split() -> None:
    """A third of the price is paid out and the price falls by a third less: nothing that a split does."""
    close = np.array([30.0, 30.0, 28.0, 28.1])
    found = recover(close, close * np.array([2 / 3, 2 / 3, 1, 1]))
    assert [each.kind for each in found] == ["dividend"]


def test_rounding_of_adjusted_closes_is_no_event() -> None:
    rng = np.random.default_rng(7)
    close = np.round(20 * np.exp(np.cumsum(rng.normal(0, 0.01, 500))), 2)
    assert recover(close, np.round(close * 0.0331, 2)) == []


def test_nothing_from_equal_closes_or_from_one() -> None:
    close = np.array([10.0, 11.0, 12.0])
    assert recover(close, close) == []
    assert recover(close[:1], close[:1]) == []


def test_a_hundred_made_histories_are_recovered_whole() -> None:
    """Ten years of cents, dividends each quarter and splits now and then, adjusted by the rule to six decimals."""
    rng, paid, splits = np.random.default_rng(11), 0, 0
    for _ in range(100):
        ratios = {int(day): float(rng.choice([2, 3, 1.5, 0.1, 4])) for day in rng.choice(np.arange(40, 2480), 2, False)}
        close = 60 * np.exp(np.cumsum(rng.normal(0, 0.012, 2500)))
        for day, ratio in ratios.items():
            close[day:] /= ratio
        close = np.round(close, 2)
        amounts = {day: round(float(close[day] * 0.006), 2) for day in range(30, 2500, 63) if day not in ratios}
        amounts = {day: amount for day, amount in amounts.items() if amount >= 0.05}
        found = recover(close, np.round(adjusted_by_the_close_before(close, amounts, ratios), 6))
        assert {each.row: each.value for each in found if each.kind == "split"} == pytest.approx(ratios, rel=1e-3)
        told = {each.row: each.value for each in found if each.kind == "dividend"}
        assert told.keys() == amounts.keys()
        assert [told[day] for day in amounts] == pytest.approx([*amounts.values()], abs=0.005)
        paid, splits = paid + len(amounts), splits + len(ratios)
    assert (paid > 2500, splits) == (True, 200)


@pytest.mark.skipif(not TWO_HUNDRED.exists(), reason="needs ../shared/data/daily, 200 names with published actions")
def test_200_names_against_their_published_actions() -> None:
    """Every recovered split is a published one; of the published ratios of whole numbers 98 % are found, and of 10,755
    dividends 99.9 % to half a tenth of a cent."""
    frame = pd.read_parquet(TWO_HUNDRED)
    false, missed, published, right, dividends = [], [], 0, 0, 0
    for symbol, rows in frame.groupby("symbol", observed=True):
        found = recover(rows.close.to_numpy(), rows.adjusted_close.to_numpy().astype(float))
        splits = {each.row: each.value for each in found if each.kind == "split"}
        ratio = rows.split_coefficient.to_numpy()
        said = {int(day): float(ratio[day]) for day in np.flatnonzero(ratio != 1)}
        whole = {day for day, value in said.items() if abs(max(value, 1 / value) % 0.5) < 1e-4}
        published += len(whole)
        missed += [(symbol, day) for day in whole if abs(splits.get(day, 0) / said[day] - 1) > 1e-3]
        false += [(symbol, day) for day in splits if day not in said]
        paid = rows.dividend_amount.to_numpy()
        amounts = {each.row: each.value for each in found if each.kind == "dividend"}
        dividends += int((paid > 0).sum())
        right += sum(abs(amounts.get(int(day), 0) - paid[day]) < 0.0005 for day in np.flatnonzero(paid > 0))
    assert false == []
    assert len(missed) <= 0.02 * published
    assert right >= 0.999 * dividends
