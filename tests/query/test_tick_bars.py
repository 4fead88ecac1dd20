"""Bars made of ticks: against NautilusTrader's own aggregators on the same ticks, and by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from nautilus_bars import nautilus_bars

from alphapulse_lib.catalog import schemas, ticks, writer
from alphapulse_lib.catalog.roots import Roots
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.threshold import Threshold
from alphapulse_lib.model.window import Window, moment_ns
from alphapulse_lib.query.bars import TickBarReading
from alphapulse_lib.query.reading import whole
from alphapulse_lib.query.tick_bars import made_of_ticks

AAA = Instrument("AAA.XNYS", price_precision=2)
COIN = Instrument("COIN.CRYPTO", price_precision=2, size_precision=4)
ES = Instrument("ES.XCME", price_precision=2)
REAL = Path(__file__).parents[3] / "shared" / "data" / "ticks" / "es_ticks_201309_500k.csv.gz"
FIGURES = ["open", "high", "low", "close", "volume"]
COUNTED = ["7-TICK", "100-TICK", "1000-VOLUME", "37-VOLUME", "250000-VALUE", "9999-VALUE"]


def write(root: Path, instrument: Instrument, stamps: list[int], prices: list[float], sizes: list[float]) -> None:
    ts = pa.array(stamps, pa.int64()).cast(schemas.TIME)
    writer.write_instruments(root, [instrument])
    table = {
        "ts": ts,
        "available_at": ts,
        "price": pa.array(prices, pa.float64()),
        "size": pa.array(sizes, pa.float64()),
    }
    ticks.write_trades(root, instrument, pa.table(table), "x")


def walk(instrument: Instrument, count: int = 3000) -> tuple[list[int], list[float], list[float]]:
    """Trades of one session by a seeded random walk, several at some moments, some far larger than others."""
    draw = np.random.default_rng(11)
    opens, closes = moment_ns("2013-07-02 09:30", "America/New_York"), moment_ns("2013-07-02 16:00", "America/New_York")
    stamps = np.sort(draw.integers(opens // 10**6 + 1, closes // 10**6, count)) * 10**6
    prices = np.round(100 + np.cumsum(draw.normal(0, 0.03, count)), instrument.price_precision)
    sizes = np.round(draw.pareto(1.1, count) * 20 + 1, instrument.size_precision)
    return stamps.tolist(), prices.tolist(), sizes.tolist()


def made(root: Path, instrument: Instrument, period: str, window: Window | None = None, **more: bool) -> pd.DataFrame:
    length = Threshold.parse(period) or Period.parse(period)
    table = made_of_ticks(Roots.of(root), "trades", instrument, length, window or Window(), **more)
    frame: pd.DataFrame = table.to_pandas()
    return frame.assign(ts=frame["ts"].astype("int64"))


def by_hand(root: Path, period: str, **more: bool) -> list[tuple[str, float, float]]:
    """Close's moment in New York, close and volume."""
    frame = made(root, AAA, period, **more)
    ts = pd.to_datetime(frame["ts"], utc=True).dt.tz_convert("America/New_York").dt.strftime("%d %H:%M:%S")
    return list(zip(ts, frame["close"], frame["volume"], strict=True))


def local(*times: str) -> list[int]:
    return [moment_ns(f"2013-07-{each}", "America/New_York") for each in times]


@pytest.mark.parametrize("instrument", [AAA, COIN], ids=["shares", "fractions"])
@pytest.mark.parametrize("specification", COUNTED)
def test_counted_bars_are_nautilus_traders_to_the_last_digit(
    tmp_path: Path, instrument: Instrument, specification: str
):
    write(tmp_path, instrument, *walk(instrument))
    theirs = nautilus_bars(tmp_path, instrument, specification)
    ours = made(tmp_path, instrument, specification)
    assert len(theirs) > 20
    pd.testing.assert_frame_equal(ours.iloc[: len(theirs)], theirs, check_exact=True)
    # What is left when the stretch ends is a last, smaller bar: nothing of what was traded is lost.
    assert len(ours) - len(theirs) in (0, 1)
    assert ours["volume"].sum() == pytest.approx(sum(walk(instrument)[2]), abs=1e-6)


@pytest.mark.parametrize("period", ["1-SECOND", "1-MINUTE", "5-MINUTE", "1-HOUR"])
def test_timed_bars_are_nautilus_traders(tmp_path: Path, period: str):
    stamps, prices, sizes = walk(COIN)
    stamps[10] -= stamps[10] % (60 * 10**9)  # right at a minute
    order = np.argsort(stamps, kind="stable")
    write(tmp_path, COIN, *(np.array(each)[order].tolist() for each in (stamps, prices, sizes)))
    theirs = nautilus_bars(tmp_path, COIN, period)
    theirs = theirs[theirs["volume"] > 0].reset_index(drop=True)  # it repeats the last price where nothing traded
    ours = made(tmp_path, COIN, period)
    pd.testing.assert_frame_equal(ours.iloc[: len(theirs)], theirs)
    assert len(ours) - len(theirs) in (0, 1)  # its clock stops with the last trade, before that bar's end


def test_mid_prices_of_quotes_are_nautilus_traders(tmp_path: Path):
    stamps, prices, sizes = walk(COIN)
    ts, low = pa.array(stamps).cast(schemas.TIME), np.array(prices)
    spread = np.random.default_rng(5).integers(1, 4, len(low)) / 100
    writer.write_instruments(tmp_path, [COIN])
    quotes = {"bid": low, "ask": low + spread, "bid_size": np.array(sizes), "ask_size": np.array(sizes[::-1])}
    ticks.write_quotes(tmp_path, COIN, pa.table({"ts": ts, "available_at": ts, **quotes}), "x")
    theirs = nautilus_bars(tmp_path, COIN, "5-MINUTE", "quotes")
    table = whole(TickBarReading(tmp_path, [COIN], "quotes", Period(5, "m")), Window())
    ours = table.to_pandas().drop(columns="symbol").assign(ts=lambda frame: frame["ts"].astype("int64"))
    theirs = theirs[theirs["volume"] > 0].reset_index(drop=True)
    pd.testing.assert_frame_equal(ours.iloc[: len(theirs)], theirs, rtol=1e-12)


@pytest.mark.skipif(not REAL.exists(), reason="../shared/data/ticks/es_ticks_201309_500k.csv.gz is not here")
def test_half_a_million_real_trades_session_by_session(tmp_path: Path):
    rows = pd.read_csv(REAL)
    ts = pd.to_datetime(rows["DateTime"]).dt.tz_localize("America/Chicago").astype("datetime64[ns, UTC]")
    stamps = ts.astype("int64").to_numpy()
    prices, sizes = rows["Price"].to_numpy(), rows["Volume"].to_numpy()
    write(tmp_path / "all", ES, stamps.tolist(), prices.tolist(), sizes.tolist())
    known = sessions("XCME")
    ends = np.unique(np.append(known.opens, known.closes))
    cuts = np.unique(np.append(np.searchsorted(stamps, ends, side="right"), [0, len(stamps)])).tolist()
    stretches = [slice(*each) for each in pairwise(cuts)]
    for number, part in enumerate(stretches):
        write(tmp_path / str(number), ES, stamps[part].tolist(), prices[part].tolist(), sizes[part].tolist())
    for specification in ("100-TICK", "1000-VOLUME", "1000000-VALUE"):
        ours = made(tmp_path / "all", ES, specification)
        theirs = pd.concat([nautilus_bars(tmp_path / str(each), ES, specification) for each in range(len(stretches))])
        left = ours.index[ours["ts"].isin(ends)]
        assert 0 < len(left) <= len(stretches) == 3
        pd.testing.assert_frame_equal(ours.drop(left).reset_index(drop=True), theirs.reset_index(drop=True))
        assert ours["volume"].sum() == sizes.sum()


def test_a_large_trade_fills_several_bars_and_the_rest_begins_the_next(tmp_path: Path):
    write(tmp_path, AAA, local("02 10:00", "02 10:01", "02 10:02", "02 10:03"), [10, 11, 12, 13], [60, 250, 30, 70])
    assert by_hand(tmp_path, "100-VOLUME") == [
        ("02 10:01:00", 11, 100),  # 60 of the first, 40 of the second
        ("02 10:01:00", 11, 100),
        ("02 10:01:00", 11, 100),
        ("02 10:03:00", 13, 100),  # 10 left of the second, 30, and 60 of the last
        ("02 16:00:00", 13, 10),  # what is left at the close
    ]
    # 60 x 10 = 600 of 1,000; 400 more are 36.36 shares at 11: 36. Each bar then counts from nothing.
    assert [volume for _, _, volume in by_hand(tmp_path, "1000-VALUE")][:2] == [96, 91]
    assert by_hand(tmp_path, "3-TICK") == [("02 10:02:00", 12, 340), ("02 16:00:00", 13, 70)]


def test_no_bar_spans_an_open_or_a_close(tmp_path: Path):
    # 2013-07-03 was half a day: it closed at 13:00.
    times = ["03 09:29:59", "03 09:30:00", "03 12:59:59", "03 13:00:00", "03 13:00:01", "05 09:30:00"]
    write(tmp_path, AAA, local(*times), [1, 2, 3, 4, 5, 6], [1] * 6)
    before, after = ("03 09:30:00", 1, 1), ("04 11:15:00", 5, 1)  # half-way from 13:00 to 09:30 two days later
    whole_day = [before, ("03 13:00:00", 4, 3), after, ("05 16:00:00", 6, 1)]
    assert by_hand(tmp_path, "100-TICK") == by_hand(tmp_path, "100-VOLUME") == whole_day
    assert by_hand(tmp_path, "100-TICK", regular=True) == [whole_day[1], whole_day[3]]
    assert by_hand(tmp_path, "1d") == [whole_day[1], whole_day[3]]
    assert by_hand(tmp_path, "1h") == [
        *(before, ("03 10:30:00", 2, 1), ("03 13:00:00", 4, 2)),
        *(("03 14:00:00", 5, 1), ("05 10:30:00", 6, 1)),
    ]


def test_a_bar_is_the_same_whatever_window_is_asked_for(tmp_path: Path):
    write(tmp_path, AAA, *walk(AAA))
    every = made(tmp_path, AAA, "100-VOLUME")
    window = Window(int(every["ts"][200]), int(every["ts"][300]))
    inside = every[(every["ts"] >= window.start) & (every["ts"] <= window.end)].reset_index(drop=True)
    pd.testing.assert_frame_equal(made(tmp_path, AAA, "100-VOLUME", window), inside)


def test_only_what_was_known_and_had_ended(tmp_path: Path):
    write(tmp_path, AAA, local("02 10:00", "02 10:01", "02 15:59", "03 09:31"), [10, 11, 12, 13], [1] * 4)

    def known(period: str, at: str) -> list[float]:
        length = Threshold.parse(period) or Period.parse(period)
        reading = TickBarReading(tmp_path, [AAA], "trades", length, as_of=local(at)[0])
        return reading.part(AAA, Window())["close"].to_pylist()

    assert known("2-TICK", "02 10:01") == [11]
    assert known("2-TICK", "02 15:59") == [11]
    assert known("2-TICK", "02 16:00") == [11, 12]
    assert known("1d", "02 15:59:59") == []
    assert known("1d", "02 16:00") == [12]
    assert known("1w", "05 16:00") == [13]
    assert known("1h", "02 10:30") == [11]
