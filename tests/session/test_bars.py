from __future__ import annotations

from datetime import date, time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from five_sessions import write

import alphapulse_lib as ap
from alphapulse_lib.catalog import actions
from alphapulse_lib.catalog.index import Index
from alphapulse_lib.catalog.sessions import open_of
from alphapulse_lib.errors import (
    AmbiguousSymbol,
    CatalogEmpty,
    InputError,
    NoCoverage,
    QueryError,
    ReversedWindow,
    UnknownPeriod,
    UnknownSymbol,
)
from alphapulse_lib.model.instrument import Instrument, Listing
from alphapulse_lib.query import reading


def test_bars_in_pandas(catalog: Path):
    frame = ap.bars(["MSFT", "AAPL"], "1d", "2013-07-01", "2013-07-03")
    assert list(frame.columns) == ["symbol", "ts", "open", "high", "low", "close", "volume"]
    assert frame["symbol"].tolist() == ["AAPL", "MSFT", "AAPL", "AAPL", "MSFT"]
    assert frame["close"].tolist() == [50.0, 30.0, 51.0, 52.0, 32.0]
    assert frame["ts"].iloc[0] == pd.Timestamp("2013-07-01 20:00", tz="UTC")
    assert frame["ts"].iloc[-1] == pd.Timestamp("2013-07-03 17:00", tz="UTC")
    assert str(frame["ts"].dtype) == "datetime64[ns, UTC]"
    frame.loc[0, "close"] = 1.0  # a frame of one's own


def test_a_bare_date_is_a_day_of_the_exchange(catalog: Path):
    assert len(ap.bars("AAPL", "1d", "2013-07-02", "2013-07-02")) == 1
    assert len(ap.bars("AAPL", "1d", "2013-07-02 20:00", "2013-07-03")) == 1  # that is New York's time
    assert len(ap.bars("AAPL", "1d", "2013-07-02T20:00Z", "2013-07-03")) == 2
    assert len(ap.bars("AAPL", "1d", date(2013, 7, 2), pd.Timestamp("2013-07-05 20:00", tz="UTC"))) == 3


@pytest.mark.parametrize(("frame", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("arrow", pa.Table)])
def test_the_same_in_every_frame(catalog: Path, frame: str, kind: type):
    table = ap.bars("AAPL", frame=frame)
    assert isinstance(table, kind)
    assert list(table["close"].to_list() if frame != "arrow" else table["close"].to_pylist()) == [50, 51, 52, 53, 54]
    wide = ap.prices(["AAPL", "MSFT"], frame=frame)
    assert isinstance(wide, kind)


@pytest.mark.parametrize("frame", ["pandas", "polars", "arrow"])
def test_one_instrument_after_the_other(sample: Path, frame: str):
    asked = (["MSFT", "AAPL", "IBM"], "1d", "2012-01-01", "2012-12-31")
    by_time = pl.DataFrame(ap.bars(*asked, frame="arrow"))
    found = pl.DataFrame(ap.bars(*asked, order="symbol", frame=frame, timezone="America/New_York"))
    assert found.equals(
        by_time.sort("symbol", "ts").with_columns(pl.col("ts").dt.convert_time_zone("America/New_York"))
    )
    assert found["symbol"].unique(maintain_order=True).to_list() == ["AAPL", "IBM", "MSFT"]


def test_a_stream_of_one_instrument_after_the_other(sample: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "_MOST_ROWS", 1000)
    asked = (["MSFT", "AAPL", "IBM"], "1d")
    parts = list(ap.bars(*asked, order="symbol", frame="batches"))
    assert len(parts) > 3
    assert pa.Table.from_batches(parts).equals(ap.bars(*asked, order="symbol", frame="arrow").combine_chunks())


def test_a_stream_of_several_names_is_the_table_cut(sample: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "_MOST_ROWS", 1000)
    for asked in (["AAPL", "MSFT", "IBM"], "1d"), ("SPY", "1m"), ("SPY", "1h"), (["MSFT", "AAPL"], "1mo"):
        parts = list(ap.bars(*asked, frame="batches"))
        assert len(parts) > 1
        assert pa.Table.from_batches(parts).equals(ap.bars(*asked, frame="arrow").combine_chunks())
    assert max(map(len, ap.bars(["AAPL", "MSFT", "IBM"], frame="batches"))) < 2000


def test_regular_hours_and_a_zone(sample: Path):
    minutes = ap.bars("SPY", "1m", timezone="America/New_York")
    local = minutes["ts"].dt
    assert str(minutes["ts"].dtype) == "datetime64[ns, America/New_York]"
    hours = (local.time > time(9, 30)) & (local.time <= time(16))
    regular = ap.bars("SPY", "1m", session="regular", timezone="America/New_York")
    assert regular.equals(minutes[hours].reset_index(drop=True))
    assert ap.prices("SPY", "1h", session="regular", timezone="America/New_York").index[0].hour == 10
    assert ap.bars("SPY", "1m", timezone="America/New_York")["ts"].equals(
        ap.bars("SPY", "1m")["ts"].dt.tz_convert("America/New_York")
    )


def test_a_zone_is_right_over_a_change_of_clocks(sample: Path):
    # New York's clocks went forward on Sunday 2012-03-11, London's on the 25th.
    york = ap.bars("AAPL", "1d", "2012-03-08", "2012-03-27", timezone="America/New_York")["ts"].dt
    assert set(york.strftime("%H:%M")) == {"16:00"}
    london = ap.bars("AAPL", "1d", "2012-03-08", "2012-03-27", timezone="Europe/London", frame="polars")
    hours = dict(zip(london["ts"].dt.strftime("%m-%d"), london["ts"].dt.hour(), strict=True))
    assert [hours[day] for day in ("03-09", "03-12", "03-23", "03-26")] == [21, 20, 20, 21]


def test_prices_side_by_side(catalog: Path):
    wide = ap.prices(["MSFT", "AAPL"], adjust="none")
    assert (wide.index.name, wide.columns.tolist()) == ("ts", ["MSFT", "AAPL"])
    assert wide["AAPL"].tolist() == [100, 102, 104, 53, 54]
    assert wide["MSFT"].isna().tolist() == [False, True, False, True, True]
    assert ap.prices("AAPL", field="volume")["AAPL"].tolist() == [200, 200, 200, 100, 100]


def test_prices_are_carried_forward_only_where_that_is_asked(catalog: Path):
    asked = (["MSFT", "AAPL", "LATE", "GONE", "HALT"],)
    write(catalog, Instrument("LATE.XNAS"), ["2013-07-03"], [7.0])
    write(catalog, Instrument("GONE.XNAS"), ["2013-07-01", "2013-07-02"], [9.0, 8.0])
    write(catalog, Instrument("HALT.XNAS"), ["2013-07-01"], [5.0])
    day = open_of("XNAS", np.array(["2013-07-05"], "datetime64[D]"))
    gone = {"instrument_id": ["GONE.XNAS"], "kind": ["delisting"], "ex_date": [date(2013, 7, 5)], "source": ["x"]}
    actions.write(catalog, pa.table(gone | {"available_at": day}), "y")
    Index(catalog).add([], [Listing("HALT", "XNAS", "HALT.XNAS", None, date(2013, 7, 3))])
    nan = float("nan")
    wide = ap.prices(*asked, fill="forward")
    expected = {
        "MSFT": [30, 30, 32, 32, 32],
        "AAPL": [50, 51, 52, 53, 54],
        "LATE": [nan, nan, 7, 7, 7],
        "GONE": [9, 8, 8, nan, nan],
        "HALT": [5, 5, 5, nan, nan],
    }
    pd.testing.assert_frame_equal(
        wide.reset_index(drop=True), pd.DataFrame(expected), check_names=False, check_dtype=False
    )
    assert ap.prices(*asked, fill="forward", limit=1)["MSFT"].tolist()[:4] == [30, 30, 32, 32]
    assert np.isnan(ap.prices(*asked, fill="forward", limit=1)["MSFT"].iloc[4])
    assert ap.prices(*asked)["MSFT"].isna().tolist() == [False, True, False, True, True]
    for wrong in (
        {"fill": "backward"},
        {"limit": 2},
        {"fill": "forward", "limit": 0},
        {"fill": "forward", "field": "volume"},
    ):
        with pytest.raises(InputError):
            ap.prices(*asked, **wrong)


def test_as_of_the_day_before_a_split(catalog: Path):
    assert ap.bars("AAPL", as_of="2013-07-04")["close"].tolist() == [100, 102, 104]
    assert ap.bars("AAPL", as_of=date(2013, 7, 5))["close"].tolist() == [50, 51, 52, 53]
    with pytest.raises(NoCoverage, match=r"No 1d bar of AAPL.XNAS that this catalog held by 2013-07-08") as refused:
        ap.bars("AAPL", recorded_as_of="2013-07-08")
    recorded = ap.sql("SELECT min(recorded_at) AS first FROM bars_1d WHERE symbol = 'AAPL'").df()["first"][0]
    today = recorded.tz_convert("America/New_York").date()
    for told in ("Held of AAPL.XNAS: 1d", f"The first of them was recorded on {today}", "is asked for by as_of"):
        assert told in refused.value.hint


def test_an_end_after_all_that_can_be_held_is_an_open_one(catalog: Path):
    far = "9999-12-31"
    assert ap.bars("AAPL", end=far, as_of=far, recorded_as_of=far).equals(ap.bars("AAPL"))
    assert ap.coverage("AAPL", end=far).bars == 5
    assert ap.sql("SELECT count(*) FROM bars_1d", as_of=far, recorded_as_of="2300-12-31").fetchall() == [(7,)]
    assert ap.news("AAPL", end=far, as_of=far).empty
    assert ap.sentiment("AAPL", end=far, as_of=far).empty
    with pytest.raises(InputError, match="lies after 2262"):
        ap.bars("AAPL", start=far)
    with pytest.raises(NoCoverage, match="to 1900-01-01"):
        ap.bars("AAPL", end="1900-01-01")


@pytest.mark.parametrize(
    ("ask", "error", "told"),
    [
        (lambda: ap.bars("APPL"), UnknownSymbol, "Did you mean AAPL"),
        (lambda: ap.bars(["AAPL", "MSTF"]), UnknownSymbol, "Did you mean MSFT"),
        (lambda: ap.bars([]), InputError, "No symbol was asked for"),
        (lambda: ap.bars("AAPL", "1 fortnight"), UnknownPeriod, "fortnight"),
        (lambda: ap.bars("AAPL", "5m"), NoCoverage, "Held of AAPL.XNAS: 1d from 2013-07-01 to 2013-07-08"),
        (lambda: ap.bars("AAPL", "1d", "2014-01-01"), NoCoverage, "Held of AAPL.XNAS: 1d"),
        (lambda: ap.bars("AAPL", "1d", "2013-07-06", "2013-07-07"), NoCoverage, "from 2013-07-06 to 2013-07-07"),
        (lambda: ap.bars("AAPL", "1d", "2013-07-08", "2013-07-01"), ReversedWindow, "reversed"),
        (lambda: ap.bars("AAPL", "1d", "yesterday"), InputError, "not a moment"),
        (lambda: ap.bars("AAPL", frame="numpy"), InputError, "frame='numpy' is not known"),
        (lambda: ap.bars("AAPL", order="symbols"), InputError, "Did you mean symbol"),
        (lambda: ap.bars("AAPL", frame=["pandas"]), InputError, "frame="),
        (lambda: ap.bars("AAPL", adjust=["splits"]), InputError, "Unknown adjustment"),
        (lambda: ap.bars("AAPL", adjust=np.array(["none", "splits"])), InputError, "Unknown adjustment"),
        (lambda: ap.prices("AAPL", field=["close"]), InputError, "field="),
        (lambda: ap.bars("AAPL", adjust="all"), InputError, "Unknown adjustment 'all'"),
        (lambda: ap.prices("AAPL", field="closing"), InputError, "Did you mean close"),
        (lambda: ap.coverage("AAPL", "1m"), NoCoverage, "Held of AAPL.XNAS"),
        (lambda: ap.coverage("NOPE"), UnknownSymbol, "ap.instruments"),
        (lambda: ap.sql("SELECT nothing FROM bars_1d"), QueryError, "nothing"),
        (lambda: ap.bars(5), InputError, "'5' is no symbol"),
        (lambda: ap.bars(None), InputError, "'None' is no symbol"),
        (lambda: ap.bars(" "), InputError, "' ' is no symbol: it is empty"),
        (lambda: ap.bars("A" * 300), InputError, "is no symbol: it is too long"),
        (lambda: ap.bars(["AAPL", 5]), InputError, "not '5', a int"),
        (lambda: ap.bars([["AAPL"]]), InputError, "a list"),
        (lambda: ap.bars("AAPL", 5), UnknownPeriod, "5"),
        (lambda: ap.bars("AAPL", start=[5]), InputError, "5"),
        (lambda: ap.bars("AAPL", adjust=5), InputError, "5"),
        (lambda: ap.bars("AAPL", frame=5), InputError, "5"),
        (lambda: ap.prices("AAPL", field=None), InputError, "field=None is not known"),
        (lambda: ap.coverage([]), InputError, "a list"),
        (lambda: ap.coverage(5), InputError, "'5', a int"),
        (lambda: ap.sql(5), InputError, "A query is text, not '5'"),
        (lambda: ap.sql(None), InputError, "A query is text"),
    ],
)
def test_what_cannot_be_asked_says_what_can(catalog: Path, ask, error: type[Exception], told: str):
    with pytest.raises(error, match=told):
        ask()


def test_a_symbol_of_two_venues(catalog: Path):
    write(catalog, Instrument("MSFT.XETR", currency="EUR"), ["2013-07-01"], [23.0])
    with pytest.raises(AmbiguousSymbol, match=r"MSFT\.XETR, MSFT\.XNAS"):
        ap.bars("MSFT")
    frame = ap.bars(["MSFT.XETR", "MSFT.XNAS"], "1d", "2013-07-01", "2013-07-01")
    assert frame["symbol"].tolist() == ["MSFT.XETR", "MSFT.XNAS"]


@pytest.mark.parametrize(
    "ask", [ap.instruments, ap.check, lambda: ap.bars("AAPL"), lambda: ap.coverage("AAPL"), lambda: ap.sql("SELECT 1")]
)
def test_an_empty_catalog_says_how_to_fill_it(ask):
    with pytest.raises(CatalogEmpty, match=r"make up.*alphapulse ingest sample"):
        ask()


def test_a_personal_series_over_the_teams(catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    own = tmp_path / "own"
    write(own, Instrument("MSFT.XNAS"), ["2013-07-08"], [34.0])
    monkeypatch.setenv("ALPHAPULSE_PERSONAL_CATALOG", str(own))
    assert ap.bars("MSFT")["close"].tolist() == [34.0]
    assert ap.coverage("MSFT").root == "personal"
    assert ap.bars("AAPL")["close"].tolist() == [50, 51, 52, 53, 54]
    assert ap.instruments().set_index("symbol")["bars"].to_dict() == {"AAPL": 5, "MSFT": 1}
