"""Adjustments by hand, and against two sources' own adjusted closes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from alphapulse_lib.catalog import actions, schemas, writer
from alphapulse_lib.catalog.sessions import close_of, open_of
from alphapulse_lib.errors import InputError, NoCoverage
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window, moment_ns
from alphapulse_lib.query.bars import bars

PROJECT = Path(__file__).parents[2]
SPLITS = [("AAPL", "2000-06-21"), ("AAPL", "2005-02-28"), ("MSFT", "2003-02-18")]

AAPL, MSFT = Instrument("AAPL.XNAS"), Instrument("MSFT.XNAS")
DAYS = ["2013-07-01", "2013-07-02", "2013-07-03", "2013-07-05", "2013-07-08"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "catalog"


def at(text: str) -> int:
    return moment_ns(text)


def write(root: Path, instrument: Instrument, days: list[str], closes: list[float], period: str = "1d") -> None:
    write_at(root, instrument, close_of("XNAS", np.array(days, "datetime64[D]")), closes, period)


def write_at(root: Path, instrument: Instrument, stamps: np.ndarray, closes: list[float], period: str) -> None:
    ts = pa.array(stamps, pa.int64()).cast(schemas.TIME)
    close = np.array(closes)
    columns = {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close}
    table = pa.table({"ts": ts, **columns, "volume": np.full(len(close), 100.0), "available_at": ts})
    writer.write_instruments(root, [instrument])
    writer.write_bars(root, instrument, period, table, "x")


def act(root: Path, instrument: Instrument, kind: str, day: str, figure: float, available: int | None = None) -> None:
    opens = int(open_of("XNAS", np.array([day], "datetime64[D]"))[0])
    row = {
        "instrument_id": instrument.id,
        "kind": kind,
        "ex_date": date.fromisoformat(day),
        "ratio" if kind == "split" else "amount": figure,
        "available_at": opens if available is None else available,
        "source": "by hand",
    }
    actions.write(root, pa.table({name: [value] for name, value in row.items()}), "x")


def closes(root: Path, instrument: Instrument = AAPL, **asked: object) -> list[float]:
    return bars(root, [instrument], "1d", **asked)["close"].to_pylist()


def test_several_instruments_sorted_by_time_then_symbol(root: Path):
    write(root, MSFT, DAYS[:3], [30, 31, 32])
    write(root, AAPL, DAYS[1:4], [60, 61, 62])
    table = bars(root, [MSFT, AAPL], "1d", columns=["close"])
    assert table.schema.names == ["symbol", "ts", "close"]
    rows = list(zip(table["symbol"].to_pylist(), table["close"].to_pylist(), strict=True))
    assert rows == [("MSFT", 30), ("AAPL", 60), ("MSFT", 31), ("AAPL", 61), ("MSFT", 32), ("AAPL", 62)]


def test_a_symbol_that_two_share_is_told_by_its_id(root: Path):
    write(root, Instrument("SAP.XNAS"), DAYS, [1, 2, 3, 4, 5])
    write(root, Instrument("SAP.XNYS"), DAYS, [1, 2, 3, 4, 5])
    table = bars(root, [Instrument("SAP.XNAS"), Instrument("SAP.XNYS")], "1d")
    assert set(table["symbol"].to_pylist()) == {"SAP.XNAS", "SAP.XNYS"}


def test_a_split_divides_what_closed_before_its_ex_date(root: Path):
    write(root, AAPL, DAYS, [100, 102, 104, 53, 54])
    act(root, AAPL, "split", "2013-07-05", 2.0)
    assert closes(root, adjust="none") == [100, 102, 104, 53, 54]
    assert closes(root) == [50, 51, 52, 53, 54]
    table = bars(root, [AAPL], "1d")
    assert table["volume"].to_pylist() == [200, 200, 200, 100, 100]
    assert table["open"].to_pylist() == [49.75, 50.75, 51.75, 52.5, 53.5]


def test_two_splits_multiply(root: Path):
    write(root, AAPL, DAYS, [600, 100, 100, 50, 54])
    act(root, AAPL, "split", "2013-07-05", 2.0)
    act(root, AAPL, "split", "2013-07-02", 6.0)
    assert closes(root) == pytest.approx([50, 50, 50, 50, 54])


@pytest.mark.parametrize(
    ("ratio", "torn", "told"),
    # 100 and up to 104 before a split of 2:1, from 49 on after it; or 100 and down to 98 before 1:2, up to 204 after.
    [(2.0, (100, 104, 49, 51), (50, 52, 49, 51)), (0.5, (100, 204, 98, 202), (200, 204, 196, 202))],
)
@pytest.mark.parametrize("ex", ["2013-07-10", "2013-07-08"])
def test_a_week_that_a_split_tears_is_of_both_sides(
    root: Path, ratio: float, torn: tuple[float, ...], told: tuple[float, ...], ex: str
):
    fridays = close_of("XNAS", np.array(["2013-07-05", "2013-07-12", "2013-07-19"], "datetime64[D]"))
    ts = pa.array(fridays, pa.int64()).cast(schemas.TIME)
    rows = [(100, 100, 100, 100), torn, (torn[3],) * 4]
    columns = {
        name: pa.array([float(row[at]) for row in rows]) for at, name in enumerate(("open", "high", "low", "close"))
    }
    writer.write_instruments(root, [AAPL])
    table = pa.table({"ts": ts, **columns, "volume": [100.0] * 3, "available_at": ts})
    writer.write_bars(root, AAPL, Period.parse("1w"), table, "x")
    act(root, AAPL, "split", ex, ratio)
    found = bars(root, [AAPL], "1w").select(["open", "high", "low", "close"]).to_pylist()
    assert [tuple(row.values())[3] for row in found] == [100 / ratio, torn[3], torn[3]]
    # A split of the week's own Monday tears nothing: all that traded was of after.
    assert tuple(found[1].values()) == (told if ex == "2013-07-10" else torn)
    assert tuple(found[2].values()) == (torn[3],) * 4


def test_only_what_was_known_then(root: Path):
    write(root, AAPL, DAYS, [100, 102, 104, 53, 54])
    act(root, AAPL, "split", "2013-07-05", 2.0, available=at("2013-06-20"))
    # Announced, but the shares still trade whole.
    assert closes(root, as_of=at("2013-07-04")) == [100, 102, 104]
    assert closes(root, as_of=at("2013-07-05 21:00")) == [50, 51, 52, 53]


def test_a_split_learned_later_changes_no_earlier_answer(root: Path):
    write(root, AAPL, DAYS, [100, 102, 104, 53, 54])
    moments = [at(f"2013-07-{day:02} 22:00") for day in range(1, 9)]
    before = [closes(root, as_of=moment, adjust="total") for moment in moments]
    act(root, AAPL, "split", "2013-07-05", 2.0, available=at("2013-07-20"))
    act(root, AAPL, "dividend", "2013-07-02", 1.0, available=at("2013-07-20"))
    write(root, AAPL, ["2013-07-09"], [55])
    write(root, AAPL, DAYS, [1, 2, 3, 4, 5])
    assert [closes(root, as_of=moment, adjust="total") for moment in moments] == before


def test_dividends_are_reinvested_at_the_close_before(root: Path):
    write(root, AAPL, DAYS, [100, 104, 102, 103, 110])
    act(root, AAPL, "dividend", "2013-07-03", 1.04)
    act(root, AAPL, "dividend", "2013-07-08", 2.06)
    # 1 - 1.04 / 104 = 0.99 and 1 - 2.06 / 103 = 0.98
    expected = [100 * 0.99 * 0.98, 104 * 0.99 * 0.98, 102 * 0.98, 103 * 0.98, 110]
    assert closes(root, adjust="total") == pytest.approx(expected)
    assert closes(root, adjust="splits") == [100, 104, 102, 103, 110]
    # The close before lies outside of the window: the factor is the same.
    window = Window.of("2013-07-01", "2013-07-01")
    assert closes(root, adjust="total", window=window) == pytest.approx(expected[:1])
    assert bars(root, [AAPL], "1d", adjust="total")["volume"].to_pylist() == [100] * 5


def test_a_dividend_after_a_split_is_of_new_shares(root: Path):
    write(root, AAPL, DAYS, [100, 50, 50, 50, 50])
    act(root, AAPL, "split", "2013-07-02", 2.0)
    act(root, AAPL, "dividend", "2013-07-05", 0.5)
    assert closes(root, adjust="total") == pytest.approx([49.5, 49.5, 49.5, 50, 50])


def test_minutes_are_adjusted_by_the_day_they_trade_on(root: Path):
    stamps = np.array([at("2013-07-03 16:59"), at("2013-07-04 04:00"), at("2013-07-05 13:31")])
    write_at(root, AAPL, stamps, [100.0, 100.0, 50.0], "1m")
    act(root, AAPL, "split", "2013-07-05", 2.0)
    assert bars(root, [AAPL], "1m")["close"].to_pylist() == [50, 50, 50]


def test_a_close_at_the_midnight_an_ex_date_begins_is_of_the_day_before(root: Path):
    coin = Instrument("COIN.CRYPTO", price_precision=2)
    write_at(root, coin, np.array([at("2013-07-05"), at("2013-07-06")]), [100.0, 50.0], "1d")
    act(root, coin, "split", "2013-07-05", 2.0)
    assert bars(root, [coin], "1d")["close"].to_pylist() == [50, 50]


def test_what_cannot_be_asked(root: Path):
    write(root, AAPL, DAYS, [100, 102, 104, 53, 54])
    with pytest.raises(InputError, match="'none', 'splits', 'total'"):
        bars(root, [AAPL], "1d", adjust="both")  # type: ignore[arg-type]
    with pytest.raises(NoCoverage, match=r"(?s)No 5m bar of AAPL\.XNAS.*1d from 2013-07-01 to 2013-07-08 \(5 bars\)"):
        bars(root, [AAPL], "5m")
    with pytest.raises(NoCoverage, match="from 2012-01-01 to 2012-12-31"):
        bars(root, [AAPL], "1d", Window.of("2012-01-01", "2012-12-31", "America/New_York"))
    with pytest.raises(NoCoverage, match="known at 2013-06-01"):
        bars(root, [AAPL], "1d", as_of=moment_ns("2013-06-01", "America/New_York", end=True))
    act(root, AAPL, "dividend", "2013-07-05", 104.0)
    with pytest.raises(InputError, match="a distribution of 104 on a close of 104"):
        bars(root, [AAPL], "1d", adjust="total")


def test_splits_of_the_sample_against_its_adjusted_closes(root: Path):
    source = pd.read_csv(PROJECT / "catalog" / "sample" / "us5_daily.csv.gz")
    for symbol, day in SPLITS:
        act(root, Instrument(f"{symbol}.XNAS"), "split", day, 2.0)
    for symbol in ("AAPL", "MSFT"):
        own = source[source["symbol"] == symbol].sort_values("date")
        write(root, Instrument(f"{symbol}.XNAS"), own["date"].tolist(), own["close"].tolist())
        returns = np.diff(np.log(closes(root, Instrument(f"{symbol}.XNAS"))))
        theirs = np.diff(np.log(own["adj_close"].to_numpy()))
        # Their closes are adjusted for dividends too, of 3.08 dollars at most (Microsoft, 2004-11-15, 10 per cent).
        assert np.abs(returns - theirs).max() < 0.11
        assert np.median(np.abs(returns - theirs)) < 2e-4


TWO_HUNDRED = PROJECT.parent / "shared" / "data" / "daily" / "sp500_raw_adj_1999_2021_200.parquet"


@pytest.mark.skipif(not TWO_HUNDRED.exists(), reason="needs ../shared/data/daily, 20 years of another source")
@pytest.mark.parametrize("symbol", ["AAPL", "JPM", "BA"])
def test_total_against_another_source_of_adjusted_closes(root: Path, symbol: str):
    source = pd.read_parquet(TWO_HUNDRED, filters=[("symbol", "==", symbol)]).sort_values("date")
    instrument = Instrument(f"{symbol}.XNAS")
    write(root, instrument, source["date"].astype(str).tolist(), source["close"].tolist())
    for row in source[source["split_coefficient"] != 1].itertuples():
        act(root, instrument, "split", str(row.date), row.split_coefficient)
    paid = source[source["dividend_amount"] > 0]
    stamps = pa.array(open_of("XNAS", paid["date"].to_numpy("datetime64[D]"))).cast(schemas.TIME)
    dividends = {
        "instrument_id": [instrument.id] * len(paid),
        "kind": ["dividend"] * len(paid),
        "source": ["x"] * len(paid),
    }
    actions.write(
        root,
        pa.table(dividends | {"ex_date": paid["date"], "amount": paid["dividend_amount"], "available_at": stamps}),
        "x",
    )
    ratio = np.array(closes(root, instrument, adjust="total")) / source["adjusted_close"].to_numpy()
    # That source rounds its dividends and factors; over twenty years it stays within one per cent of the formula.
    assert len(ratio) > 5000
    assert np.abs(ratio / ratio[-1] - 1).max() < 0.01


def spin_off(root: Path, day: str, symbol: str, ratio: float | None, amount: float | None = None) -> None:
    opens = pa.array(open_of("XNAS", np.array([day], "datetime64[D]"))).cast(schemas.TIME)
    figures = {"ratio": pa.array([ratio], pa.float64()), "amount": pa.array([amount], pa.float64())}
    named = {"instrument_id": [AAPL.id], "kind": ["spin_off"], "new_symbol": [symbol], "source": ["by hand"]}
    days = pa.array([date.fromisoformat(day)])
    actions.write(root, pa.table(named | figures | {"ex_date": days, "available_at": opens}), "x")


def test_what_was_spun_off_is_reinvested_at_its_first_close(root: Path):
    """One share for two, first closing at 20: a share had 10 of its 100 in it. A dividend of 5 goes the same day."""
    write(root, AAPL, DAYS[:4], [98, 100, 91, 92])
    child = Instrument("CHLD.XNYS")
    write(root, child, DAYS[2:4], [20, 24])
    spin_off(root, DAYS[2], "CHLD", 0.5)
    assert closes(root, adjust="splits") == [98, 100, 91, 92]
    assert closes(root, adjust="total") == pytest.approx([98 * 0.9, 100 * 0.9, 91, 92])
    act(root, AAPL, "dividend", DAYS[2], 5.0)
    assert closes(root, adjust="total") == pytest.approx([98 * 0.85, 100 * 0.85, 91, 92])
    before = int(close_of("XNAS", np.array(["2013-07-03"], "datetime64[D]"))[0]) - 1
    assert closes(root, adjust="total", as_of=before) == pytest.approx([98 * 0.95, 100 * 0.95]), "no close of it yet"


def test_what_a_vendor_says_that_it_is_worth_comes_first_and_what_nobody_values_is_left(root: Path):
    write(root, AAPL, DAYS[:3], [100, 100, 80])
    spin_off(root, DAYS[2], "GONE", 0.5)
    assert closes(root, adjust="total") == [100, 100, 80]
    spin_off(root, DAYS[2], "TOLD", 0.25, 20.0)
    assert closes(root, adjust="total") == pytest.approx([80, 80, 80])
