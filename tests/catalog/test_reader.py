from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse_lib.catalog import layout, reader, schemas, writer
from alphapulse_lib.errors import CatalogDamaged
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.period import Period
from alphapulse_lib.model.window import Window

MINUTE = 60 * 10**9


@pytest.fixture
def two_years(root: Path, aapl: Instrument, at) -> np.ndarray:
    """Bars a minute around the turn of a year, more than one row group on each side; the close counts them."""
    stamps = at("2013-01-01") + MINUTE * np.arange(-20_000, 20_000)
    ts = pa.array(stamps).cast(schemas.TIME)
    closes = np.arange(len(stamps), dtype=float)
    writer.write_bars(
        root, aapl, "1m", pa.table(dict.fromkeys(schemas.FIGURES, closes) | {"ts": ts, "available_at": ts}), "x"
    )
    return stamps


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, 39_999), (19_999, 20_000), (17_000, 17_000), (0, 0), (39_999, 39_999), (16_383, 16_384), (20_000, 36_384)],
)
def test_a_window_holds_its_two_ends(root: Path, aapl: Instrument, two_years: np.ndarray, first: int, last: int):
    window = Window(int(two_years[first]), int(two_years[last]))
    closes = reader.bar_floats(root, aapl.id, "1m", window, columns=["close"])["close"].to_numpy()
    assert closes.tolist() == list(range(first, last + 1))
    narrower = Window(window.start + 1, window.end - 1) if first < last else None
    if narrower:
        closes = reader.bar_floats(root, aapl.id, "1m", narrower, columns=["close"])["close"].to_numpy()
        assert closes.tolist() == list(range(first + 1, last))


def test_a_window_without_bars(root: Path, aapl: Instrument, two_years: np.ndarray):
    between = Window(int(two_years[5]) + 1, int(two_years[6]) - 1)
    table = reader.bar_table(root, aapl.id, "1m", between)
    assert table.num_rows == 0
    assert table.schema.names == ["open", "high", "low", "close", "volume", "ts_event", "ts_init"]
    assert reader.bar_floats(root, aapl.id, "1m", between).schema.names == ["ts", *schemas.FIGURES]
    assert reader.bar_floats(root, "NONE.XNAS", "1m").num_rows == 0


def test_the_table_is_nautilus_own_schema(root: Path, aapl: Instrument, two_years: np.ndarray):
    table = reader.bar_table(root, aapl.id, "1m")
    assert table.schema.field("close") == pa.field("close", pa.decimal128(38, 16), nullable=False)
    assert table.schema.metadata[b"bar_type"] == b"AAPL.XNAS-1-MINUTE-LAST-EXTERNAL"
    assert (table.schema.metadata[b"price_precision"], table.schema.metadata[b"size_precision"]) == (b"4", b"0")


def test_files_of_a_window(root: Path, aapl: Instrument, two_years: np.ndarray, at):
    names = [layout.window_of(path).start for path in reader.bar_files(root, aapl.id, "1m")]
    assert names == [at("2012-01-01"), at("2013-01-01")]
    assert len(reader.bar_files(root, aapl.id, "1m", Window.of("2013-01-01", None))) == 1
    assert reader.bar_files(root, aapl.id, "1d") == []


def test_columns_of_ours(root: Path, aapl: Instrument, two_years: np.ndarray):
    table = reader.bar_table(root, aapl.id, "1m", columns=["close", "recorded_at", "import_id"])
    assert table.schema.names == ["close", "recorded_at", "import_id"]
    assert table["import_id"].unique().to_pylist() == ["x"]


def test_periods_are_those_of_that_instrument_alone(root: Path, bars: Callable[..., pa.Table]):
    row = bars([("2013-01-02 21:00", 1.0)])
    for name, period in (("A.XNAS", "1d"), ("A.XNAS", "15m"), ("A-B.XNAS", "1h"), ("AA.XNAS", "1w")):
        writer.write_bars(root, Instrument(name), period, row, "x")
    assert reader.periods(root, "A.XNAS") == [Period(15, "m"), Period(1, "d")]
    assert reader.periods(root, "A-B.XNAS") == [Period(1, "h")]


def test_what_will_be_available_later_is_not_seen_today(root: Path, aapl: Instrument, bars: Callable[..., pa.Table]):
    writer.write_bars(root, aapl, "1d", bars([("2013-01-02 21:00", 1.0), ("2200-01-02 21:00", 2.0)]), "x")
    assert reader.bar_floats(root, aapl.id, "1d")["close"].to_pylist() == [1.0]


def test_a_torn_file_is_named(root: Path, aapl: Instrument, bars: Callable[..., pa.Table]):
    writer.write_bars(root, aapl, "1d", bars([("2013-01-02 21:00", 1.0)]), "x")
    (path,) = reader.bar_files(root, aapl.id, "1d")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CatalogDamaged, match=r"(?s)AAPL\.XNAS-1-DAY.*alphapulse check"):
        reader.bar_table(root, aapl.id, "1d")


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.lists(st.tuples(st.integers(2, 5), st.integers(1, 9), st.integers(0, 4)), min_size=1, max_size=4),
        min_size=2,
        max_size=4,
    )
)
def test_no_import_changes_what_was_recorded_before_it(
    tmp_path_factory: pytest.TempPathFactory, aapl, bars, at, imports
):
    """Each import: (day, close, days until available). Every answer of every earlier moment stays as it was."""
    root = tmp_path_factory.mktemp("catalog")
    answers: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for number, rows in enumerate(imports):
        recorded = at(f"2013-02-{1 + number:02}")
        written = [(f"2013-01-{day:02} 21:00", close, f"2013-01-{day + late:02} 21:00") for day, close, late in rows]
        writer.write_bars(root, aapl, "1d", bars(written), f"import {number}", recorded_at=recorded)
        moments = [at(f"2013-01-{day:02} 22:00") for day in range(1, 11)] + [at("2013-03-01")]
        for moment in moments:
            answers[moment, recorded] = told(root, aapl, as_of=moment, recorded_as_of=recorded)
        for (moment, earlier), answer in answers.items():
            assert told(root, aapl, as_of=moment, recorded_as_of=earlier) == answer
            assert told(
                root, aapl, Window(at("2013-01-03"), at("2013-01-05")), as_of=moment, recorded_as_of=earlier
            ) == [row for row in answer if at("2013-01-03") <= row[0] <= at("2013-01-05")]
        assert told(root, aapl) == answers[at("2013-03-01"), recorded]
    for number in reversed(range(1, len(imports))):
        writer.remove_import(root, f"import {number}")
        assert told(root, aapl) == answers[at("2013-03-01"), at(f"2013-02-{number:02}")]


def told(root: Path, instrument: Instrument, window: Window | None = None, **moment: int) -> list[tuple[int, float]]:
    table = reader.bar_floats(root, instrument.id, "1d", window, columns=["close"], **moment)
    return list(zip(table["ts"].cast(pa.int64()).to_pylist(), table["close"].to_pylist(), strict=True))
