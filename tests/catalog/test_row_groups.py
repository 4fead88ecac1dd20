"""Where a bar file's row groups end: asked of the file itself, by pyarrow."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse_lib.catalog import reader, schemas, writer
from alphapulse_lib.catalog.sessions import sessions
from alphapulse_lib.model.instrument import Instrument
from alphapulse_lib.model.window import Window

MINUTE = 60 * 10**9
NEW_YORK = ZoneInfo("America/New_York")


def written(root: Path, instrument: Instrument, period: str, stamps: np.ndarray) -> list[pq.ParquetFile]:
    """Bars in a catalog; the files they lie in."""
    ts = pa.array(stamps).cast(schemas.TIME)
    figures = dict.fromkeys(schemas.FIGURES, np.ones(len(stamps)))
    writer.write_bars(root, instrument, period, pa.table(figures | {"ts": ts, "available_at": ts}), "x")
    return [pq.ParquetFile(path) for path in reader.bar_files(root, instrument.id, period)]


def lengths(file: pq.ParquetFile) -> list[int]:
    """The rows of each group."""
    return [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]


def months(file: pq.ParquetFile, zone: ZoneInfo) -> list[set[int]]:
    """The months that each group has rows of."""
    groups = (file.read_row_group(number, ["ts_event"])["ts_event"] for number in range(file.num_row_groups))
    return [{datetime.fromtimestamp(stamp.value / 10**9, zone).month for stamp in each} for each in groups]


def session_minutes(first: str, last: str) -> np.ndarray:
    """The close of each minute of the sessions of New York, early closes included."""
    known = sessions("XNAS")
    chosen = (known.days >= np.datetime64(first)) & (known.days <= np.datetime64(last))
    both = zip(known.opens[chosen].tolist(), known.closes[chosen].tolist(), strict=True)
    return np.concatenate([np.arange(start, end, MINUTE) + MINUTE for start, end in both])


def test_a_month_of_the_sessions_minutes_is_a_group(root: Path, aapl: Instrument):
    file = written(root, aapl, "1m", session_minutes("2011-01-01", "2011-12-31"))[0]
    assert months(file, NEW_YORK) == [{month} for month in range(1, 13)]
    # 20, 19, 23, 20, 21, 22, 20, 23, 21, 21, 21 and 21 sessions; the day after Thanksgiving closes at 13:00
    assert lengths(file) == [7800, 7410, 8970, 7800, 8190, 8580, 7800, 8970, 8190, 8190, 8010, 8190]


def test_a_month_asked_for_is_decoded_alone(root: Path, aapl: Instrument):
    written(root, aapl, "1m", session_minutes("2011-01-01", "2011-12-31"))
    may = Window.of("2011-05-01", "2011-05-31", "America/New_York")
    assert [rows for rows, _, _ in reader.groups(reader.files_of(root, aapl.id, "1m"), may)] == [8190]
    assert reader.bar_floats(root, aapl.id, "1m", may).num_rows == 8190


def test_a_long_month_is_cut_into_equal_parts(root: Path, at):
    bitcoin = Instrument("BTC/USD.CRYPTO")
    stamps = at("2011-01-01") + MINUTE * np.arange(59 * 1440)
    file = written(root, bitcoin, "1m", stamps)[0]
    assert lengths(file) == [14_880] * 3 + [13_440] * 3
    assert months(file, ZoneInfo("UTC")) == [{1}] * 3 + [{2}] * 3


def test_a_month_ends_where_the_exchange_ends_it(root: Path, aapl: Instrument, at):
    """Minutes day and night, by UTC's year: the first five hours are still December in New York."""
    file = written(root, aapl, "1m", at("2011-01-01") + MINUTE * np.arange(59 * 1440))[0]
    assert months(file, NEW_YORK) == [{12, 1}, {1}, {1}, {2}, {2}, {2}]


@pytest.mark.parametrize(
    ("period", "every", "rows", "expected"),
    [
        ("1d", 1440, 10_000, [10_000]),  # 27 years
        ("1h", 60, 8_760, [8_760]),  # a year
        ("1m", 1, 16_384, [16_384]),  # eleven days: one group, as a file of few rows ever was
        ("10m", 10, 52_560, [4_464, 4_032 + 4_464]),  # January; February has fewer than 4,096
    ],
)
def test_months_of_few_rows_share_a_group(root: Path, at, period: str, every: int, rows: int, expected: list[int]):
    file = written(root, Instrument("BTC/USD.CRYPTO"), period, at("2011-01-01") + every * MINUTE * np.arange(rows))[0]
    assert lengths(file)[:2] == expected
    assert sum(lengths(file)) == rows


def test_what_follows_a_whole_month_is_a_group_of_its_own(root: Path, aapl: Instrument):
    file = written(root, aapl, "1m", session_minutes("2011-01-01", "2011-03-04"))[0]
    assert lengths(file) == [7800, 7410, 4 * 390]
